import Foundation
import TestSupport

/// The contract's types as the tests read them in it, independent of the decoder's tables.
struct ContractType {
    let name: String
    let required: [String]
    let optional: [String]
    var key: String { required[0] }

    init(_ name: String, _ required: String, _ optional: String = "") {
        self.name = name
        self.required = required.split(separator: " ").map(String.init)
        self.optional = optional.split(separator: " ").map(String.init)
    }

    static let attributes = "customer_id channel priority category subcategory team agent_id tier segment tags"
    static let survey = "ticket_id customer_id agent_id channel team category segment"
    static let price = "amount interval interval_count quantity currency plan"

    static let all: [ContractType] = [
        .init("support.ticket.created", "ticket_id", attributes + " initiator status"),
        .init("support.ticket.updated", "ticket_id", attributes),
        .init("support.ticket.status_changed", "ticket_id status", "agent_id actor reason"),
        .init("support.ticket.message", "ticket_id author", "public agent_id"),
        .init("support.ticket.worked", "ticket_id seconds", "agent_id"),
        .init("support.ticket.handed_off", "ticket_id", "team agent_id"),
        .init("support.ticket.snapshot", "ticket_id created_at status", attributes + " initiator"),
        .init("support.ticket.merged", "ticket_id into"),
        .init("support.ticket.deleted", "ticket_id", "reason"),
        .init("support.ticket.restored", "ticket_id"),
        .init("support.event.voided", "ticket_id voids"),
        .init("support.contact.queued", "contact_id channel", "ticket_id customer_id queue team category tier segment"),
        .init("support.contact.answered", "contact_id", "agent_id ticket_id"),
        .init("support.contact.held", "contact_id", "ticket_id"),
        .init("support.contact.resumed", "contact_id", "ticket_id"),
        .init("support.contact.transferred", "contact_id", "ticket_id team agent_id"),
        .init(
            "support.contact.ended", "contact_id", "ticket_id talk_seconds hold_seconds wrap_seconds resolved outcome"),
        .init("support.contact.wrapped", "contact_id seconds", "ticket_id"),
        .init("support.contact.abandoned", "contact_id", "ticket_id in"),
        .init("support.agent.state", "agent_id state", "team"),
        .init("support.survey.sent", "survey_id kind", survey),
        .init("support.survey.answered", "survey_id kind score", survey + " direction comment satisfied_from"),
        .init("support.feedback.received", "feedback_id channel", "sentiment customer_id category segment"),
        .init("support.customer.created", "customer_id", "segment tier"),
        .init("support.customer.closed", "customer_id", "reason"),
        .init("support.subscription.started", "customer_id subscription_id mrr", price),
        .init("support.subscription.changed", "customer_id subscription_id mrr", price),
        .init("support.subscription.cancelled", "customer_id subscription_id", "reason"),
        .init("support.subscription.reactivated", "customer_id subscription_id mrr", price),
        .init("support.purchase.completed", "customer_id purchase_id amount", "currency margin"),
        .init("support.purchase.refunded", "customer_id purchase_id amount", "currency"),
        .init("support.customer.erased", "customer_id"),
        .init("support.cost.recorded", "period amount", "currency cost_type team"),
        .init("support.revenue.recorded", "period amount", "currency"),
        .init("support.period.closed", "period"),
    ]
}

/// A random valid event: its JSON as a source might write it, and what it means.
struct GeneratedEvent {
    var json: String
    /// The canonical event as Foundation would read it.
    var expected: [String: Any]
    var type: String
}

/// Makes random valid events.
struct EventGenerator {
    var random: SeededGenerator
    /// White space, escapes, and members in any order.
    var isMessy = true

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    mutating func event(of type: ContractType) -> GeneratedEvent {
        var members: [(String, String)] = []
        var data: [String: Any] = [:]
        for name in type.required {
            let (json, value) = member(name, of: type)
            members.append((name, json))
            data[name] = value
        }
        for name in type.optional where chance(50) {
            if chance(10) {
                members.append((name, "null"))
                if type.name == "support.ticket.updated" { data[name] = NSNull() }
                continue
            }
            let (json, value) = member(name, of: type)
            members.append((name, json))
            data[name] = value
        }
        if chance(30) { members.append(("x_unknown", pick(["[1,{\"a\":[]}]", "{}", "1e400", "\"\\u00e4\"", "-0.0"]))) }

        let id = string(maximum: 30)
        let source = "https://acme.example/" + pick(["helpdesk", "crm", "ä"])
        let (time, micros) = instant()
        var attributes = [
            ("specversion", "\"1.0\""), ("id", quoted(id)), ("source", quoted(source)), ("type", quoted(type.name)),
            ("time", quoted(time)), ("data", object(members)),
        ]
        var expected: [String: Any] = [
            "specversion": "1.0", "id": id, "source": source, "type": type.name, "time": micros, "data": data,
        ]
        if chance(40) {
            let sequence = Int64.random(in: -1_000_000...1_000_000, using: &random)
            attributes.append(("sequence", chance(50) ? "\(sequence)" : "\"\(sequence)\""))
            if sequence != -1 { expected["sequence"] = sequence }
        }
        if chance(30) { attributes.append(("subject", quoted(data[type.key] as? String ?? ""))) }
        if chance(20) { attributes.append(("traceparent", "\"00-0af7651916cd43dd8448eb211c80319c\"")) }
        return GeneratedEvent(json: object(attributes), expected: expected, type: type.name)
    }

    // MARK: Values

    private mutating func member(_ name: String, of type: ContractType) -> (String, Any) {
        switch name {
        case "ticket_id", "customer_id", "agent_id", "contact_id", "survey_id", "feedback_id", "into",
            "subscription_id", "purchase_id":
            if chance(20) {
                let number = "\(Int64.random(in: 0...Int64.max, using: &random))"
                return (number, number)
            }
            let id = string(maximum: 40)
            return (quoted(id), id)
        case "priority", "category", "subcategory", "team", "tier", "segment", "queue", "plan":
            if chance(10) { return ("3", "3") }
            let (label, folded) = pick([
                ("Billing", "billing"), ("URGENT", "urgent"), ("Störung ÄÖÜ", "störung äöü"), ("Straße", "strasse"),
                ("first level", "first level"), ("ΟΔΟΣ", "οδοσ"), ("İstanbul", "i\u{307}stanbul"), ("日本", "日本"),
            ])
            return (quoted(label), folded)
        case "tags":
            let labels = (0..<Int.random(in: 0...4, using: &random)).map { _ in pick(["vip", "Beta", "a", "B", "VIP"]) }
            let sorted = Set(labels.map { $0.lowercased() }).sorted()
            return ("[" + labels.map { quoted($0) }.joined(separator: space() + "," + space()) + "]", sorted)
        case "channel":
            let value = pick(["phone", "email", "chat", "web", "social", "sms", "messaging", "api", "other", "fax"])
            return (quoted(cased(value)), value == "fax" ? "other" : value)
        case "status":
            let value = pick(["new", "open", "pending", "on_hold", "solved", "closed", "hold"])
            return (quoted(cased(value)), value == "hold" ? "on_hold" : value)
        case "initiator": return closed(["customer", "agent", "system"])
        case "actor", "author": return closed(["customer", "agent", "bot", "system"])
        case "outcome": return closed(["voicemail", "callback"])
        case "in": return closed(["queue", "ivr"])
        case "state": return closed(["available", "busy", "break", "offline"])
        case "kind": return closed(["csat", "ces", "agent_csat"])
        case "direction": return closed(["high_is_good", "low_is_good"])
        case "interval": return closed(["day", "week", "month", "quarter", "year"])
        case "reason" where type.name == "support.ticket.deleted": return closed(["spam", "deleted"])
        case "reason", "cost_type", "comment":
            let text = string(maximum: 60)
            return (quoted(text), text)
        case "public", "resolved":
            let bool = chance(50)
            return (bool ? "true" : "false", bool)
        case "seconds", "talk_seconds", "hold_seconds", "wrap_seconds":
            let milliseconds = Int.random(in: 0...100_000_000, using: &random)
            let text = String(format: "%d.%03d", milliseconds / 1000, milliseconds % 1000)
            return (text, NSNumber(value: Double(text) ?? -1))
        case "created_at":
            let (time, micros) = instant()
            return (quoted(time), micros)
        case "voids":
            let id = string(maximum: 20)
            let json = object([("source", quoted("s")), ("id", quoted(id)), ("more", "[]")])
            return (json, ["source": "s", "id": id])
        case "score":
            let text = pick(["1", "2.5", "4", "5", "3.0", "20e-1"])
            return (text, NSNumber(value: Double(text) ?? -1))
        case "satisfied_from": return ("4", 4)
        case "sentiment": return ("-0.25", -0.25)
        case "mrr", "amount":
            let text = pick(["20.00", "0", "1999.99", "12"])
            return chance(50) ? (quoted(text), text) : (text, NSNumber(value: Double(text) ?? -1))
        case "margin": return ("0.35", 0.35)
        case "interval_count", "quantity": return ("3", 3)
        case "currency":
            let text = pick(["EUR", "usd", "Chf"])
            return (quoted(text), text.uppercased())
        case "period":
            let text = pick(["2026-11", "2026-11-30", "2024-02-29"])
            return (quoted(text), text)
        default: preconditionFailure("the contract has no member \(name)")
        }
    }

    private mutating func closed(_ names: [String]) -> (String, Any) {
        let name = pick(names)
        return (quoted(cased(name)), name)
    }

    private mutating func cased(_ name: String) -> String {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: name.uppercased()
        case 1: name.capitalized
        default: name
        }
    }

    /// A time as a source writes it, and as the canonical event has it.
    private mutating func instant() -> (String, String) {
        let seconds = Int64.random(in: 946_771_200...4_102_444_800, using: &random)
        let nanos = Int64.random(in: 0...999_999_999, using: &random)
        let offset = pick([0, 60, -300, 330, 845, -720])
        let form = DateFormatter()
        form.locale = Locale(identifier: "en_US_POSIX")
        form.timeZone = TimeZone(secondsFromGMT: 0)
        form.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
        let local = form.string(from: Date(timeIntervalSince1970: Double(seconds + Int64(offset) * 60)))
        let utc = form.string(from: Date(timeIntervalSince1970: Double(seconds)))
        let sign = offset < 0 ? "-" : "+"
        let zone =
            offset == 0
            ? pick(["Z", "z", "+00:00", "-00:00"])
            : sign + String(format: "%02d:%02d", abs(offset) / 60, abs(offset) % 60)
        let fraction = String(format: "%09d", nanos)
        let written = chance(20) ? "" : "." + fraction.prefix(Int.random(in: 1...9, using: &random))
        let kept = written.isEmpty ? "000000" : (String(written.dropFirst()) + "00000000").prefix(6)
        return (
            (chance(10) ? local.replacingOccurrences(of: "T", with: "t") : local) + written + zone, "\(utc).\(kept)Z"
        )
    }

    /// A non-empty text of any characters.
    private mutating func string(maximum: Int) -> String {
        let alphabet: [Character] = [
            "a", "Z", "0", "-", "_", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "ä", "€", "😀", "\u{7f}", "x", "y", "7",
        ]
        let count = Int.random(in: 1...maximum, using: &random)
        return String((0..<count).map { _ in pick(alphabet) })
    }

    // MARK: JSON

    private mutating func space() -> String {
        isMessy && chance(20) ? pick([" ", "\n", "\t ", "\r\n  "]) : ""
    }

    private mutating func object(_ members: [(String, String)]) -> String {
        let shuffled = isMessy ? members.shuffled(using: &random) : members
        var text = "{" + space()
        for (index, (name, json)) in shuffled.enumerated() {
            text += (index > 0 ? "," + space() : "") + quoted(name) + space() + ":" + space() + json + space()
        }
        return text + "}"
    }

    mutating func quoted(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape || (isMessy && chance(3)) {
                for unit in String(scalar).utf16 { json += String(format: chance(50) ? "\\u%04x" : "\\u%04X", unit) }
            } else {
                json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }
}
