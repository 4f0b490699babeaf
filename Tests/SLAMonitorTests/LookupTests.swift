import Foundation
import ServiceKit
import Synchronization
import Testing

/// What the monitor answers about its tickets.
@Suite struct LookupTests {
    private static let rules = """
        history: 100y
        calendars: {always: {always: true}}
        policies:
          - id: all
            calendar: always
            metrics: {first_response: {target: 10m, warn: [50%]}, resolution: {target: 60m, pause_on: [pending]}}
        """

    private final class Box: Sendable {
        let result = Mutex<Result<[EntityLookups.Entry], any Error>?>(nil)
    }

    /// Asks, and lets the task work once.
    private func ask(
        _ question: EntityLookups.Question, _ lookups: EntityLookups, _ monitor: Monitor, at minutes: Double
    ) throws -> [[String: Any]] {
        let box = Box()
        lookups.ask(question, of: 0) { result in box.result.withLock { $0 = result } }
        try monitor.run(at: minutes)
        let entries = try #require(box.result.withLock { $0 }).get()
        return try entries.map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.json)) as? [String: Any])
        }
    }

    @Test func aTicketIsExplained() throws {
        let lookups = EntityLookups()
        let monitor = try Monitor(Self.rules, lookups: lookups)
        try monitor.run(at: 0, [.created("A", at: 0), .status("pending", "A", at: 5), .status("open", "A", at: 8)])
        try monitor.run(at: 12)
        let ticket = try #require(try ask(.entity(Array("A".utf8)), lookups, monitor, at: 12).first)
        #expect(ticket["ticket_id"] as? String == "A")
        #expect((ticket["events"] as? [Any])?.count == 3)
        let promises = try #require(ticket["promises"] as? [[String: Any]])
        #expect(promises.map { $0["promise"] as? String } == ["first_response", "resolution"])
        let first = try #require((promises[0]["cycles"] as? [[String: Any]])?.first)
        #expect(first["breached_at"] as? String == "2026-01-05T09:10:00Z")
        let resolution = try #require((promises[1]["cycles"] as? [[String: Any]])?.first)
        #expect((resolution["ran"] as? [[String: String]])?.count == 2)
        #expect(resolution["due_at"] as? String == "2026-01-05T10:03:00Z")
        #expect(try ask(.entity(Array("B".utf8)), lookups, monitor, at: 12).isEmpty)
    }

    @Test func whatIsDueNextComesFirst() throws {
        let lookups = EntityLookups()
        let monitor = try Monitor(Self.rules, lookups: lookups)
        try monitor.run(at: 0, [.created("A", at: 0)])
        try monitor.run(at: 4, [.created("B", at: 3), .reply("A", at: 4)])
        let due = try ask(.soonest(2), lookups, monitor, at: 6)
        #expect(due.map { $0["due_at"] as? String } == ["2026-01-05T09:13:00Z", "2026-01-05T10:00:00Z"])
        #expect(due.map { $0["ticket_id"] as? String } == ["B", "A"])
    }

    @Test func aPartitionOfAnotherInstanceIsSaidToBeElsewhere() async throws {
        let lookups = EntityLookups()
        let monitor = try Monitor(Self.rules, lookups: lookups)
        #expect(lookups.partitions == [0])
        await #expect(throws: EntityLookups.Failure.elsewhere) { try await lookups.ask(.soonest(1), of: 1) }
        _ = monitor
    }
}
