import BusinessTime
import Deskbeat
import Foundation
import SLA
import ServiceKit
import Testing

/// Attainment now and then, and the tickets whose verdict changes.
@Suite struct SLAWhatIfTests {
    private static let hour: Int64 = 3_600_000_000

    private func edition(_ target: String) throws -> [RulesEdition] {
        let text = """
            calendars: {always: {always: true}}
            policies: [{id: all, calendar: always, metrics: {first_response: {target: \(target)}}}]
            """
        let book = try Rules(parsing: text).serviceLevels(zone: .utc).book
        return [RulesEdition(version: 0, from: .min, book: book)]
    }

    /// A ticket that is answered after some hours, or never.
    private func ticket(_ editions: [RulesEdition], answeredAfter hours: Int64?) -> PromiseSet {
        var promises = PromiseSet(editions)
        promises.create(at: 0, status: "new", isByCustomer: true, TicketAttributes())
        if let hours {
            promises.apply(TicketEvent(time: hours * Self.hour, kind: .message(.agent, isPublic: true)))
        }
        return promises
    }

    @Test func verdictsThatChangeAreListed() throws {
        let (now, then) = (try edition("4h"), try edition("2h"))
        var result = SLAWhatIf(since: .min)
        for (id, answer) in [("in", 1), ("between", 3), ("late", 5), ("never", nil)] as [(String, Int64?)] {
            result.add(
                id, now: ticket(now, answeredAfter: answer), then: ticket(then, answeredAfter: answer),
                isRemoved: false, at: 6 * Self.hour)
        }
        result.add(
            "spam", now: ticket(now, answeredAfter: 1), then: ticket(then, answeredAfter: 1), isRemoved: true,
            at: 6 * Self.hour)
        #expect(result.tickets == 4)
        #expect(result.now["first_response"]?.met == 2 && result.now["first_response"]?.breached == 2)
        #expect(result.then["first_response"]?.met == 1 && result.then["first_response"]?.breached == 3)
        #expect(result.changes.map(\.ticket) == ["between"])
        #expect(result.changes.first?.now == .met && result.changes.first?.then == .breached)
        let json = try JSONSerialization.jsonObject(with: Data(result.json)) as? [String: Any]
        #expect((json?["changes"] as? [[String: Any]])?.count == 1)
        let attainment = json?["attainment"] as? [String: [String: [String: Any]]]
        #expect(attainment?["first_response"]?["now"]?["attainment"] as? Double == 0.5)
    }
}
