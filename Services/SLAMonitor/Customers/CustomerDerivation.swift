import KPIs
import ServiceKit
import Streams
import SupportEvents

/// A customer: its timeline holds what its tickets and contacts tell of their verdicts. Contributes nothing; answers look-ups.
struct CustomerDerivation: EntityDerivation {
    static let version: UInt32 = 1

    /// Breaches that an answer names.
    private static let mostBreaches = 100
    private static let month: Int64 = 30 * 86_400_000_000

    mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError) {}

    private struct Figures {
        var met: Int64 = 0
        var breached: Int64 = 0
        var overdue: Int64 = 0
        var breaches: Int64 = 0

        mutating func count(_ outcome: CustomerFact.Verdict.Outcome) {
            switch outcome {
            case .met: met += 1
            case .breached:
                breached += 1
                breaches += 1
            case .overdue:
                overdue += 1
                breaches += 1
            case .cancelled: breaches += 1
            }
        }

        func write(to json: inout JSONText) {
            json.member("met", met)
            json.member("breached", breached)
            json.member("overdue", overdue)
            json.member("breaches", breaches)
            Self.write("attainment", met, of: met + breached, to: &json)
            Self.write("attainment_with_overdue", met, of: met + breached + overdue, to: &json)
        }

        private static func write(_ name: String, _ met: Int64, of all: Int64, to json: inout JSONText) {
            json.object(name) { json in
                if all == 0 {
                    json.member("value", nil as String?)
                } else {
                    json.member("value", Double(met) / Double(all))
                }
                json.member("numerator", met)
                json.member("denominator", all)
                guard let interval = Wilson.interval(met, of: all) else { return }
                json.object("interval") { json in
                    json.member("low", interval.low)
                    json.member("high", interval.high)
                    json.member("confidence", 0.95)
                }
            }
        }
    }

    private struct Breach {
        var member: String
        var id: String
        var verdict: CustomerFact.Verdict
    }

    mutating func describe(
        _ timeline: [TimelineEvent], clock: Int64, isWhole: Bool, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [EntityLookups.Entry] {
        var all: [String: Figures] = [:]
        var recent: [String: Figures] = [:]
        var breaches: [Breach] = []
        for item in timeline {
            let isTicket = item.type == Fact.type(CustomerFact.ticket)
            var id = ""
            var verdicts: [CustomerFact.Verdict] = []
            try output.forEachField(of: item) { (field, payload, _) throws(InternalRecordError) in
                switch field.field {
                case .tags:
                    for bytes in try payload.values(field) {
                        verdicts.append(try CustomerFact.verdict(bytes, since: item.time))
                    }
                case .ticket, .contact: id = String(decoding: payload.bytes[field.value], as: UTF8.self)
                default: break
                }
            }
            for verdict in verdicts {
                all[verdict.promise, default: Figures()].count(verdict.outcome)
                if verdict.at > clock - Self.month {
                    recent[verdict.promise, default: Figures()].count(verdict.outcome)
                }
                if verdict.outcome != .met {
                    breaches.append(Breach(member: isTicket ? "ticket_id" : "contact_id", id: id, verdict: verdict))
                }
            }
        }
        breaches.sort { ($0.verdict.at, $0.id, $0.verdict.promise) > ($1.verdict.at, $1.id, $1.verdict.promise) }
        let id = String(decoding: output.key, as: UTF8.self)
        let count = timeline.count
        var json = JSONText()
        json.object { json in
            json.member("customer_id", id)
            json.member("at", RFC3339.string(clock))
            json.member("tickets", Int64(timeline.count { $0.type == Fact.type(CustomerFact.ticket) }))
            json.member("contacts", Int64(timeline.count { $0.type == Fact.type(CustomerFact.contact) }))
            json.member("complete", count < EntityLimits.timeline)
            Self.write("attainment", all, to: &json)
            Self.write("last_30_days", recent, to: &json)
            json.array("breaches") { json in
                for breach in breaches.prefix(Self.mostBreaches) {
                    json.object { json in
                        json.member(breach.member, breach.id)
                        json.member("promise", breach.verdict.promise)
                        json.member("cycle", Int64(breach.verdict.cycle))
                        json.member("breached_at", RFC3339.string(breach.verdict.at))
                        json.member("overdue", breach.verdict.outcome == .overdue)
                    }
                }
            }
        }
        return [EntityLookups.Entry(instant: clock, json: json.bytes)]
    }

    private static func write(_ name: String, _ figures: [String: Figures], to json: inout JSONText) {
        json.object(name) { json in
            for (promise, figures) in figures.sorted(by: { $0.key < $1.key }) {
                json.object(promise) { figures.write(to: &$0) }
            }
        }
    }
}
