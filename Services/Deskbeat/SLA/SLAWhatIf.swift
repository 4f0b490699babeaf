import BusinessTime
package import SLA
import ServiceKit
import SupportEvents

/// The verdicts of all tickets under two sets of policies.
package struct SLAWhatIf: Sendable {
    package enum Verdict: String, Sendable {
        case met, breached
        /// Without a verdict yet, or ever: running, paused, cancelled, or not promised.
        case open = "-"
    }

    /// One promise over all tickets.
    package struct Figures: Sendable, Equatable {
        package var met = 0
        package var breached = 0

        /// Nil when nothing has a verdict.
        package var attainment: Double? {
            met + breached == 0 ? nil : Double(met) / Double(met + breached)
        }

        mutating func count(_ verdict: Verdict) {
            switch verdict {
            case .met: met += 1
            case .breached: breached += 1
            case .open: break
            }
        }
    }

    /// One cycle whose verdict changes.
    package struct Change: Sendable {
        package let ticket: String
        package let promise: String
        package let cycle: Int
        package let now: Verdict
        package let then: Verdict
    }

    /// By promise: the metric, with `~` and the variant.
    package private(set) var now: [String: Figures] = [:]
    package private(set) var then: [String: Figures] = [:]
    package private(set) var changes: [Change] = []
    package private(set) var tickets = 0
    private let since: Int64

    /// - Parameter since: Tickets that were created before it do not count.
    package init(since: Int64) {
        self.since = since
    }

    /// Counts one ticket. A removed one counts nowhere.
    package mutating func add(_ ticket: String, now: PromiseSet?, then: PromiseSet?, isRemoved: Bool, at instant: Int64)
    {
        guard !isRemoved, let created = (now ?? then)?.startsAt, created >= since, created <= instant else { return }
        tickets += 1
        let before = Self.verdicts(now, at: instant)
        let after = Self.verdicts(then, at: instant)
        for (key, verdict) in before { self.now[key.promise, default: Figures()].count(verdict) }
        for (key, verdict) in after { self.then[key.promise, default: Figures()].count(verdict) }
        for key in Set(before.keys).union(after.keys).sorted(by: { ($0.promise, $0.cycle) < ($1.promise, $1.cycle) }) {
            let (old, new) = (before[key] ?? .open, after[key] ?? .open)
            guard old != new else { continue }
            changes.append(Change(ticket: ticket, promise: key.promise, cycle: key.cycle, now: old, then: new))
        }
    }

    package var promises: [String] { Set(now.keys).union(then.keys).sorted() }

    private struct Key: Hashable {
        var promise: String
        var cycle: Int
    }

    private static func verdicts(_ promises: PromiseSet?, at instant: Int64) -> [Key: Verdict] {
        var verdicts: [Key: Verdict] = [:]
        for standing in promises?.standings(at: instant) ?? [] {
            for cycle in standing.cycles {
                let isDone = cycle.state == .stopped || cycle.breachedAt != nil
                verdicts[Key(promise: standing.name, cycle: cycle.number)] =
                    isDone && cycle.state != .cancelled ? (cycle.breachedAt == nil ? .met : .breached) : .open
            }
        }
        return verdicts
    }
}

extension SLAWhatIf {
    /// `{"tickets", "attainment": {promise: {"now", "then"}}, "changes": [{ticket_id, promise, cycle, now, then}]}`.
    package var json: [UInt8] {
        func figures(_ json: inout JSONText, _ name: String, _ figures: Figures?) {
            json.object(name) { json in
                json.member("met", Int64(figures?.met ?? 0))
                json.member("breached", Int64(figures?.breached ?? 0))
                if let share = figures?.attainment { json.member("attainment", share) }
            }
        }
        var json = JSONText()
        json.object { json in
            json.member("tickets", Int64(tickets))
            json.object("attainment") { json in
                for promise in promises {
                    json.object(promise) { json in
                        figures(&json, "now", now[promise])
                        figures(&json, "then", then[promise])
                    }
                }
            }
            json.array("changes") { json in
                for change in changes {
                    json.object(nil) { json in
                        json.member("ticket_id", change.ticket)
                        json.member("promise", change.promise)
                        json.member("cycle", Int64(change.cycle))
                        json.member("now", change.now.rawValue)
                        json.member("then", change.then.rawValue)
                    }
                }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    package func print(to console: Console) {
        var table = Table([
            .init("PROMISE"), .init("NOW", .right), .init("MET", .right), .init("LATE", .right), .init("THEN", .right),
            .init("MET", .right), .init("LATE", .right),
        ])
        func cells(_ figures: Figures?) -> [Table.Cell] {
            [
                .init(figures?.attainment.map { Humanise.percent($0) } ?? "-"),
                .init(Humanise.count(figures?.met ?? 0)),
                .init(Humanise.count(figures?.breached ?? 0)),
            ]
        }
        for promise in promises { table.add([.init(promise, .bold)] + cells(now[promise]) + cells(then[promise])) }
        table.print(to: console)
        console.line("")
        guard !changes.isEmpty else { return console.line("\(Humanise.count(tickets)) tickets, no verdict changes") }
        var list = Table([.init("TICKET"), .init("PROMISE"), .init("CYCLE", .right), .init("NOW"), .init("THEN")])
        for change in changes {
            list.add([
                .init(change.ticket), .init(change.promise), .init("\(change.cycle)", .dim), .init(change.now.rawValue),
                .init(change.then.rawValue, change.then == .breached ? .red : change.then == .met ? .green : nil),
            ])
        }
        list.print(to: console)
    }
}
