import Foundation
import ServiceKit
import Synchronization
import Testing

/// One customer's attainment.
@Suite struct CustomerTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics: {first_response: {target: 10m}, resolution: {target: 60m}}
        """

    private final class Box: Sendable {
        let result = Mutex<Result<[EntityLookups.Entry], any Error>?>(nil)
    }

    private func ask(
        _ customer: String, _ lookups: EntityLookups, _ monitor: Monitor, at minutes: Double
    ) throws -> [String: Any]? {
        let box = Box()
        lookups.ask(.entity(Array(customer.utf8)), of: 0) { result in box.result.withLock { $0 = result } }
        try monitor.run(at: minutes)
        let entries = try #require(box.result.withLock { $0 }).get()
        return try entries.first.flatMap {
            try JSONSerialization.jsonObject(with: Data($0.json)) as? [String: Any]
        }
    }

    private func created(_ ticket: String, _ customer: String, at minutes: Double) -> Event {
        .created(ticket, at: minutes, #","customer_id":"\#(customer)""#)
    }

    @Test func verdictsOfAllTicketsAddUp() throws {
        let lookups = EntityLookups()
        let monitor = try Monitor(Self.rules, customerLookups: lookups)
        try monitor.run(at: 0, [created("A", "C-1", at: 0), created("B", "C-1", at: 0), created("X", "C-2", at: 0)])
        try monitor.run(at: 5, [.reply("A", at: 5)])
        try monitor.run(at: 20, [.reply("X", at: 20)])
        let customer = try #require(try ask("C-1", lookups, monitor, at: 21))
        #expect(customer["tickets"] as? Int == 2)
        #expect(customer["complete"] as? Bool == true)
        let first = try #require((customer["attainment"] as? [String: Any])?["first_response"] as? [String: Any])
        #expect(first["met"] as? Int == 1)
        #expect(first["breached"] as? Int == 0)
        #expect(first["overdue"] as? Int == 1)
        #expect((first["attainment"] as? [String: Any])?["value"] as? Double == 1)
        #expect((first["attainment_with_overdue"] as? [String: Any])?["value"] as? Double == 0.5)
        let breaches = try #require(customer["breaches"] as? [[String: Any]])
        #expect(breaches.map { $0["ticket_id"] as? String } == ["B"])
        #expect(breaches.first?["breached_at"] as? String == "2026-01-05T09:10:00Z")
        #expect(try ask("C-3", lookups, monitor, at: 22) == nil)
    }

    @Test func verdictsFollowTheTicket() throws {
        let lookups = EntityLookups()
        let monitor = try Monitor(Self.rules, customerLookups: lookups)
        try monitor.run(at: 0, [created("A", "C-1", at: 0), created("B", "C-1", at: 0)])
        try monitor.run(at: 11)
        // A late event takes the breach back; the ticket goes to another customer; a removed one counts nowhere.
        try monitor.run(at: 12, [.reply("A", at: 9)])
        var customer = try #require(try ask("C-1", lookups, monitor, at: 13))
        var first = try #require((customer["attainment"] as? [String: Any])?["first_response"] as? [String: Any])
        #expect(first["met"] as? Int == 1)
        try monitor.run(at: 14, [.updated("A", at: 14, #","customer_id":"C-2""#)])
        try monitor.run(at: 15, [Event(ticket: "B", type: "deleted", at: 15, data: "")])
        #expect(try ask("C-1", lookups, monitor, at: 16) == nil)
        customer = try #require(try ask("C-2", lookups, monitor, at: 17))
        first = try #require((customer["attainment"] as? [String: Any])?["first_response"] as? [String: Any])
        #expect(first["met"] as? Int == 1)
        #expect(first["breaches"] as? Int == 0)
    }
}
