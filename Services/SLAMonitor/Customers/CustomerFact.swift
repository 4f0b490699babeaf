import SLA
import ServiceKit
package import Streams
import SupportEvents

/// What a ticket or a contact tells its customer: the verdicts on its promises.
///
/// Time: when the clocks began. Fields: a list of verdicts (in the place of tags), and the ticket or the contact if one of them
/// is a breach: those are named.
package enum CustomerFact {
    /// Kinds; they stand in state.
    static let ticket: UInt8 = 1
    static let contact: UInt8 = 2

    /// One cycle of one promise that was met or breached.
    package struct Verdict: Equatable, Sendable {
        package enum Outcome: UInt8, CaseIterable, Sendable {
            case met = 0
            /// Fulfilled late.
            case breached = 1
            /// Breached, and still running or paused.
            case overdue = 2
            /// Breached, and cancelled afterwards: a breach without a verdict.
            case cancelled = 3
        }

        /// The metric, with `~` and the variant.
        package var promise: String
        package var cycle: Int
        package var outcome: Outcome
        /// When it was met or breached, µs.
        package var at: Int64

        package init(promise: String, cycle: Int, outcome: Outcome, at: Int64) {
            self.promise = promise
            self.cycle = cycle
            self.outcome = outcome
            self.at = at
        }
    }

    /// - Returns: nil when there is no verdict, or no customer to tell.
    static func fact(
        _ standings: [PromiseSet.Standing], since start: Int64, _ id: [UInt8], of subject: SLASubject
    ) -> Fact? {
        let verdicts = standings.flatMap(verdicts(of:))
        guard !verdicts.isEmpty else { return nil }
        var list: [UInt8] = []
        for verdict in verdicts { list.appendBytes(encoded(verdict, since: start)) }
        var payload = EventPayload()
        payload.begin(sequence: nil)
        payload.append(.tags, list)
        if verdicts.contains(where: { $0.outcome != .met }) {
            payload.append(subject == .ticket ? .ticket : .contact, id)
        }
        return Fact(kind: subject == .ticket ? ticket : contact, time: start, payload: payload)
    }

    private static func verdicts(of standing: PromiseSet.Standing) -> [Verdict] {
        standing.cycles.compactMap { cycle in
            func verdict(_ outcome: Verdict.Outcome, _ at: Int64) -> Verdict {
                Verdict(promise: standing.name, cycle: cycle.number, outcome: outcome, at: at)
            }
            if let at = cycle.breachedAt {
                switch cycle.state {
                case .stopped: return verdict(.breached, at)
                case .running, .paused: return verdict(.overdue, at)
                case .cancelled: return verdict(.cancelled, at)
                }
            }
            guard cycle.state == .stopped, let at = cycle.endedAt else { return nil }
            return verdict(.met, at)
        }
    }

    /// Marks a verdict whose name and time are in their short form; a former version spelled them out.
    private static let isShort: UInt8 = 0x10

    /// - Parameter start: The time of the fact.
    package static func encoded(_ verdict: Verdict, since start: Int64) -> [UInt8] {
        var bytes = [verdict.outcome.rawValue | isShort]
        PromiseName.encode(verdict.promise, to: &bytes)
        bytes.appendVarint(UInt64(verdict.cycle))
        bytes.appendSignedVarint(verdict.at &- start)
        return bytes
    }

    /// - Parameter start: The time of the fact.
    package static func verdict(_ bytes: [UInt8], since start: Int64) throws(InternalRecordError) -> Verdict {
        var reader = BinaryReader(bytes)
        let code = try reader.byte()
        guard let outcome = Verdict.Outcome(rawValue: code & ~isShort) else {
            throw InternalRecordError("an unknown verdict: written by a newer version")
        }
        if code & isShort != 0 {
            let promise = try PromiseName.decode(&reader)
            let cycle = Int(truncatingIfNeeded: try reader.varint())
            return Verdict(
                promise: promise, cycle: cycle, outcome: outcome, at: start &+ (try reader.signedVarint()))
        }
        let cycle = Int(truncatingIfNeeded: try reader.varint())
        let at = try reader.signedVarint()
        return Verdict(
            promise: String(decoding: reader.rest(), as: UTF8.self), cycle: cycle, outcome: outcome, at: at)
    }
}
