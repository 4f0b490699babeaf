import SLA
import ServiceKit
import SupportEvents

/// What an alert says about the ticket and the promise behind a fact.
struct SLAAlertContext {
    /// The metric, with `~` and the variant.
    let promise: String
    /// Nil when the cycle no longer is.
    let cycle: CycleReport?
    let cycleNumber: Int
    /// What the promise was made by, and in which version of the rules.
    let terms: (terms: PromiseSet.Terms, version: Int64)?
    let attributes: TicketAttributes
    var cause = SLAFact.Cause.time
    var isHistorical = false
    /// Of a retraction.
    var reason = ""

    private static let day: Int64 = 86_400_000_000

    var policy: SLAPolicy? { terms?.terms.policy }

    /// Whether it is too old to call anybody for: from a backfill.
    static func isHistorical(_ instant: Int64, _ moment: Moment) -> Bool { instant < moment.clock - day }
}

/// Writes the SLA facts of `support.alerts`.
struct SLAAlertWriter {
    private let rules: SLAPromises
    private let subject: SLASubject
    private var encoder = AlertEncoder()

    init(_ rules: SLAPromises, of subject: SLASubject) {
        self.rules = rules
        self.subject = subject
    }

    mutating func fact(
        _ fact: SLAFact, _ context: SLAAlertContext, ordinal: Int, sequence: Int, _ output: borrowing DerivationOutput
    ) -> EntityAlert {
        let fingerprint = fingerprint(output.key, context)
        let key = Array("\(fingerprint)/\(Self.label(fact.label, ordinal))".utf8)
        let type = "deskbeat.sla.\(fact.name)"
        begin(type, key, fact.time, sequence)
        writeSubject(output.key, context, fact)
        switch fact.kind {
        case .warning(let percent):
            encoder.json.key("share")
            encoder.json.value(percent / 100)
            if let target = context.cycle?.target {
                encoder.json.key("remaining_seconds")
                encoder.json.value(Self.seconds(target - Int64(Double(target) * percent / 100)))
            }
        case .level(let offset):
            encoder.json.key("level")
            encoder.json.value(offset / 1_000_000)
        case .fulfilled:
            encoder.json.key("fulfilled_at")
            encoder.json.value(time: fact.time)
            encoder.json.key("met")
            encoder.json.value(context.cycle?.breachedAt == nil)
        case .cancelled:
            encoder.json.key("cancelled_at")
            encoder.json.value(time: fact.time)
        case .breached: break
        }
        let isFiring = fact.isRetractable
        let severity = context.terms?.terms.promise.severity(of: fact.kind) ?? .warning
        writeState(context, fact, severity, isFiring: isFiring, fingerprint, output)
        return finish(type, key, fingerprint)
    }

    mutating func retraction(
        of fact: SLAFact, _ context: SLAAlertContext, publication: Int, ordinal: Int, sequence: Int,
        _ output: borrowing DerivationOutput
    ) -> EntityAlert {
        let fingerprint = fingerprint(output.key, context)
        let key = Array("\(fingerprint)/\(Self.label("retracted-\(fact.label)", ordinal))".utf8)
        let wrong = Array("\(fingerprint)/\(Self.label(fact.label, publication))".utf8)
        let type = "deskbeat.sla.retracted"
        begin(type, key, fact.time, sequence)
        writeSubject(output.key, context, fact)
        encoder.json.key("retracts")
        encoder.json.value(hash: Hash128(wrong))
        encoder.json.key("retracted_fact")
        encoder.json.value(fact.label)
        encoder.json.key("reason")
        encoder.json.value(context.reason)
        writeState(context, fact, .info, isFiring: false, fingerprint, output)
        return finish(type, key, fingerprint)
    }

    /// `deskbeat.source.stale` and `.fresh`. Key and fingerprint are the source's, so that the topic keeps how it stands.
    mutating func source(_ change: SourceChange, _ moment: Moment) -> EntityAlert {
        let fingerprint = "source/\(change.source.name)"
        let key = Array(fingerprint.utf8)
        let type = change.isStale ? "deskbeat.source.stale" : "deskbeat.source.fresh"
        encoder.begin(
            id: Hash128(key + [0] + Array("\(change.sequence)".utf8)), source: "deskbeat/sla-monitor", type: type,
            subject: key, time: change.at, sequence: change.sequence, schema: "urn:deskbeat:schema:\(type):1")
        encoder.json.beginObject()
        text("source", change.source.name)
        number("expected_every_seconds", change.source.expectedEvery)
        encoder.json.key("hold_when_stale")
        encoder.json.value(change.source.holdsClocks)
        instant("last_heard_at", change.lastHeard)
        instant("stale_since", change.staleSince)
        if !change.isStale {
            instant("fresh_at", change.at)
            number("stale_seconds", change.at - change.staleSince)
        }
        instant("detected_at", moment.wall)
        text("severity", change.isStale ? SLASeverity.warning.rawValue : SLASeverity.info.rawValue)
        text("state", change.isStale ? "firing" : "resolved")
        text("fingerprint", fingerprint)
        encoder.json.key("historical")
        encoder.json.value(SLAAlertContext.isHistorical(change.at, moment))
        encoder.json.key("degraded")
        encoder.json.value(moment.isDegraded)
        text("cause", SLAFact.Cause.time.rawValue)
        let since = change.lastHeard.map { "since \(RFC3339.string($0))" } ?? "since ingest was started"
        let waits = change.source.holdsClocks ? "; its SLA clocks wait" : ""
        text(
            "summary",
            change.isStale
                ? "The source \(change.source.name) has not been heard of \(since)\(waits)"
                : "The source \(change.source.name) is heard of again")
        encoder.json.key("rules_version")
        encoder.json.value(rules.rulesVersion)
        return finish(type, key, fingerprint)
    }

    // MARK: Parts

    private func fingerprint(_ id: [UInt8], _ context: SLAAlertContext) -> String {
        "\(subject.rawValue)/\(String(decoding: id, as: UTF8.self))/\(context.promise)/\(context.cycleNumber)"
    }

    private static func label(_ label: String, _ ordinal: Int) -> String {
        ordinal > 1 ? "\(label)-\(ordinal)" : label
    }

    private static func seconds(_ micros: Int64) -> Double { Double(micros) / 1_000_000 }

    private mutating func begin(_ type: String, _ key: [UInt8], _ time: Int64, _ sequence: Int) {
        encoder.begin(
            id: Hash128(key), source: "deskbeat/sla-monitor", type: type, subject: key, time: time,
            sequence: Int64(sequence), schema: "urn:deskbeat:schema:\(type):1")
        encoder.json.beginObject()
    }

    private mutating func finish(_ type: String, _ key: [UInt8], _ fingerprint: String) -> EntityAlert {
        encoder.json.endObject()
        encoder.end()
        return EntityAlert(
            key: key, partitionKey: Array(fingerprint.utf8), type: type, value: encoder.json.bytes)
    }

    private mutating func text(_ name: String, _ value: String?) {
        encoder.json.key(name)
        if let value { encoder.json.value(value) } else { encoder.json.null() }
    }

    private mutating func instant(_ name: String, _ value: Int64?) {
        encoder.json.key(name)
        if let value { encoder.json.value(time: value) } else { encoder.json.null() }
    }

    private mutating func number(_ name: String, _ micros: Int64) {
        encoder.json.key(name)
        if micros % 1_000_000 == 0 {
            encoder.json.value(micros / 1_000_000)
        } else {
            encoder.json.value(Self.seconds(micros))
        }
    }

    private mutating func writeSubject(_ id: [UInt8], _ context: SLAAlertContext, _ fact: SLAFact) {
        encoder.json.key(subject.idMember)
        encoder.json.value(id)
        let parts = context.promise.split(separator: "~", maxSplits: 1)
        text("metric", String(parts[0]))
        if parts.count == 2 { text("variant", String(parts[1])) }
        text("policy", context.policy?.id)
        encoder.json.key("cycle")
        encoder.json.value(context.cycleNumber)
        guard let cycle = context.cycle else { return }
        number("target_seconds", cycle.target)
        instant("started_at", cycle.start)
        instant("due_at", cycle.due)
        instant("breached_at", cycle.breachedAt)
        let (elapsed, overdue) = Self.times(of: fact, cycle)
        number("elapsed_seconds", elapsed)
        number("overdue_seconds", overdue)
    }

    /// Working time used, and beyond the target, at the fact's instant.
    private static func times(of fact: SLAFact, _ cycle: CycleReport) -> (elapsed: Int64, overdue: Int64) {
        switch fact.kind {
        case .warning(let percent): (Int64((Double(cycle.target) * percent / 100).rounded()), 0)
        case .breached where cycle.breachedAt != nil: (cycle.breachElapsed, max(0, cycle.breachElapsed - cycle.target))
        case .level(let offset) where offset >= 0 && cycle.breachedAt != nil:
            (cycle.breachElapsed + offset, max(0, cycle.breachElapsed + offset - cycle.target))
        case .level(let offset): (cycle.target + offset, max(0, offset))
        case .breached: (cycle.target, 0)
        case .fulfilled, .cancelled: (cycle.elapsed, cycle.overdue)
        }
    }

    private mutating func writeState(
        _ context: SLAAlertContext, _ fact: SLAFact, _ severity: SLASeverity, isFiring: Bool, _ fingerprint: String,
        _ output: borrowing DerivationOutput
    ) {
        let moment = output.moment
        instant("detected_at", moment.wall)
        text("calendar", context.policy?.calendarName)
        for field in [TicketAttributes.Field.priority, .channel, .tier, .team, .category, .segment] {
            text(field.rawValue, context.attributes[field])
        }
        text("agent_id", context.attributes.agent)
        text("customer_id", context.attributes.customer)
        text("severity", severity.rawValue)
        text("state", isFiring ? "firing" : "resolved")
        text("fingerprint", fingerprint)
        encoder.json.key("historical")
        encoder.json.value(context.isHistorical)
        encoder.json.key("degraded")
        encoder.json.value(moment.isDegraded)
        text("cause", context.cause.rawValue)
        text("summary", summary(fact, context, output.key, isRetraction: !context.reason.isEmpty))
        text("owner", context.attributes[.team].flatMap { rules.levels.owners[$0] })
        writeLinks(context, output.key)
        encoder.json.key("rules_version")
        encoder.json.value(context.terms?.version ?? rules.rulesVersion)
    }

    private mutating func writeLinks(_ context: SLAAlertContext, _ id: [UInt8]) {
        encoder.json.key("links")
        encoder.json.beginObject()
        for link in rules.levels.links {
            let values = [
                (subject.idMember, Self.encoded(id)),
                ("metric", context.promise), ("policy", context.policy?.id ?? ""),
                ("team", context.attributes[.team] ?? ""),
            ]
            // A call has no page of a ticket.
            if subject == .contact, link.template.contains("{ticket_id}") { continue }
            var url = link.template
            for (name, value) in values { url = url.replacingPlaceholder(name, by: value) }
            text(link.name, url)
        }
        encoder.json.endObject()
    }

    private static func encoded(_ id: [UInt8]) -> String {
        var bytes: [UInt8] = []
        PercentEncoding.write(String(decoding: id, as: UTF8.self), into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func summary(
        _ fact: SLAFact, _ context: SLAAlertContext, _ id: [UInt8], isRetraction: Bool
    ) -> String {
        let promise = context.promise.replacingUnderscores
        let ticket = "\(subject.rawValue) \(String(decoding: id, as: UTF8.self))"
        let policy = context.policy.map { " (policy \($0.id))" } ?? ""
        if isRetraction { return "The \(fact.label) of the \(promise) of \(ticket) was wrong\(policy)" }
        switch fact.kind {
        case .warning(let percent):
            return "\(Int(percent)) % of the time for the \(promise) of \(ticket) has passed\(policy)"
        case .breached: return "The \(promise) of \(ticket) is overdue since \(RFC3339.string(fact.time))\(policy)"
        case .level(let offset):
            let when = offset < 0 ? "\(-offset / 1_000_000) s before" : "\(offset / 1_000_000) s after"
            return "The \(promise) of \(ticket) has reached the escalation level \(when) its due time\(policy)"
        case .fulfilled:
            let how = context.cycle?.breachedAt == nil ? "in time" : "late"
            return "The \(promise) of \(ticket) was fulfilled \(how)\(policy)"
        case .cancelled: return "The \(promise) of \(ticket) is no longer promised\(policy)"
        }
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? " " : $0 }) }

    /// With each `{name}` replaced.
    fileprivate func replacingPlaceholder(_ name: String, by value: String) -> String {
        split(separator: "{\(name)}", omittingEmptySubsequences: false).joined(separator: value)
    }
}
