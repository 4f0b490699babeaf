import Foundation
import SupportEvents
import Testing

/// Reasons and pointers, against the contract as the tests read it.
@Suite struct RejectionTests {
    static let now: Int64 = 1_795_165_200_000_000  // 2026-11-20T09:00:00Z

    /// A valid event as members that a test changes.
    static func members(of type: ContractType) -> [String: Any] {
        var data: [String: Any] = [:]
        for name in type.required { data[name] = value(of: name) }
        return [
            "specversion": "1.0", "id": "1", "source": "s", "type": type.name, "time": "2026-11-20T09:00:00Z",
            "data": data,
        ]
    }

    static func value(of name: String) -> Any {
        switch name {
        case "status": "open"
        case "author", "actor", "initiator": "customer"
        case "channel": "email"
        case "seconds", "talk_seconds", "hold_seconds", "wrap_seconds", "score", "satisfied_from": 3
        case "created_at": "2026-11-01T00:00:00Z"
        case "voids": ["source": "s", "id": "0"]
        case "state": "busy"
        case "kind": "csat"
        case "period": "2026-11"
        case "tags": ["a"]
        case "public", "resolved": true
        case "outcome": "callback"
        case "in": "ivr"
        case "direction": "low_is_good"
        case "interval": "month"
        case "interval_count", "quantity": 2
        case "currency": "EUR"
        case "mrr", "amount", "margin": "0.5"
        case "sentiment": 0.5
        default: "x"
        }
    }

    static func judge(_ event: [String: Any], _ decoder: EventDecoder = EventDecoder(), now: Int64? = now) throws
        -> Rejection?
    {
        let bytes = try Array(JSONSerialization.data(withJSONObject: event))
        return decoder.rejection(of: decoder.decode(value: bytes, now: now))
    }

    static func judge(_ type: String, data change: (inout [String: Any]) -> Void) throws -> Rejection? {
        let contract = try #require(ContractType.all.first { $0.name == type })
        var event = members(of: contract)
        var data = event["data"] as? [String: Any] ?? [:]
        change(&data)
        event["data"] = data
        return try judge(event)
    }

    // MARK: Envelope

    @Test(arguments: ["id", "source", "type", "time"])
    func envelopeMembersAreRequired(_ name: String) throws {
        for type in ContractType.all {
            var event = Self.members(of: type)
            event[name] = nil
            #expect(try Self.judge(event) == Rejection(reason: .missingField, pointer: "/" + name))
            event[name] = NSNull()
            #expect(try Self.judge(event) == Rejection(reason: .missingField, pointer: "/" + name))
        }
    }

    @Test(arguments: [nil, "0.3", "", "1.0.0", 1.0, 1, NSNull(), ["1.0"]] as [(any Sendable)?])
    func versionOfCloudEvents(_ version: (any Sendable)?) throws {
        var event = Self.members(of: ContractType.all[0])
        event["specversion"] = version
        #expect(try Self.judge(event) == Rejection(reason: .notCloudEvents, pointer: "/specversion"))
    }

    @Test func envelopeValues() throws {
        let wrong: [(String, Any, RejectionReason)] = [
            ("id", "", .invalidField), ("id", String(repeating: "i", count: 201), .invalidField),
            ("id", true, .invalidField), ("id", ["1"], .invalidField), ("source", "", .invalidField),
            ("source", 5, .invalidField), ("source", "a\u{0}b", .invalidField), ("type", 5, .invalidField),
            ("source", String(repeating: "s", count: 2049), .invalidField),
            ("type", "support.ticket.opened", .unknownType), ("type", "Support.Ticket.Created", .unknownType),
            ("type", "", .unknownType), ("time", 1_795_165_200, .invalidField), ("time", "yesterday", .invalidField),
            ("sequence", "1a", .invalidField), ("sequence", "", .invalidField), ("sequence", "-", .invalidField),
            ("sequence", true, .invalidField), ("sequence", 1.5, .invalidField), ("sequence", "+1", .invalidField),
            ("sequence", " 1", .invalidField), ("sequence", "1.0", .invalidField), ("sequence", [1], .invalidField),
            ("sequence", "9223372036854775808", .invalidField), ("subject", "y", .invalidField),
            ("subject", "", .invalidField), ("subject", true, .invalidField),
        ]
        for (name, value, reason) in wrong {
            var event = Self.members(of: ContractType.all[0])
            event[name] = value
            #expect(try Self.judge(event) == Rejection(reason: reason, pointer: "/" + name), "\(name): \(value)")
        }
    }

    @Test(arguments: [nil, NSNull(), "{}", 1, [[:] as [String: String]]] as [(any Sendable)?])
    func dataIsAnObject(_ data: (any Sendable)?) throws {
        var event = Self.members(of: ContractType.all[0])
        event["data"] = data
        #expect(try Self.judge(event) == Rejection(reason: .missingField, pointer: "/data"))
    }

    // MARK: Data

    @Test func requiredMembers() throws {
        for type in ContractType.all {
            #expect(try Self.judge(Self.members(of: type)) == nil, "\(type.name)")
            for name in type.required {
                for value in [nil, NSNull()] as [Any?] {
                    let rejection = try Self.judge(type.name) { $0[name] = value }
                    #expect(
                        rejection == Rejection(reason: .missingField, pointer: "/data/" + name), "\(type.name) \(name)")
                }
            }
        }
    }

    /// Every member of every type refuses values of the wrong type and range, and types that do not have a member
    /// do not look at it.
    @Test func wrongValues() throws {
        let names = Set(ContractType.all.flatMap { $0.required + $0.optional })
        for type in ContractType.all {
            for name in names {
                let isMember = (type.required + type.optional).contains(name)
                let isKeyOfVoided = type.name == "support.event.voided" && (name.hasSuffix("_id") || name == "period")
                guard !isKeyOfVoided, !["mrr", "scale"].contains(name) else { continue }
                let hasMember = isMember || (name == "mrr" && type.name.hasPrefix("support.subscription"))
                for value in Self.wrong(name) {
                    let rejection = try Self.judge(type.name) { $0[name] = value }
                    let expected = Rejection(reason: .invalidField, pointer: "/data/" + name)
                    if hasMember {
                        let element = Rejection(reason: .invalidField, pointer: "/data/\(name)/0")
                        #expect(rejection == expected || rejection == element, "\(type.name) \(name): \(value)")
                    } else {
                        #expect(rejection == nil, "\(type.name) \(name): \(value)")
                    }
                }
            }
        }
    }

    static func wrong(_ name: String) -> [Any] {
        let notText: [Any] = [true, ["x"], ["x": 1]]
        switch name {
        case "priority", "category", "subcategory", "team", "tier", "segment", "queue", "plan":
            return notText + [String(repeating: "l", count: 101), String(repeating: "ä", count: 51)]
        case "reason", "cost_type": return notText + [String(repeating: "r", count: 1025)]
        case "comment", "channel": return notText
        case "tags": return ["a", 1, ["a": 1], [true], [NSNull()], [String(repeating: "t", count: 101)]]
        case "initiator": return notText + ["bot", "", 1]
        case "status": return notText + ["resolved", "", "on hold", 2]
        case "actor", "author": return notText + ["robot", ""]
        case "public", "resolved": return ["true", 1, 0, [true], [:] as [String: Int]]
        case "seconds", "talk_seconds", "hold_seconds", "wrap_seconds": return ["5", -1, -0.0001, 1e10, true, [5]]
        case "created_at": return ["2026-11-01", 5, true, "2026-11-01T00:00:00", ["2026-11-01T00:00:00Z"]]
        case "voids": return ["1", 5, ["1"]]
        case "outcome", "in", "state", "kind", "direction", "interval": return notText + ["neither", "", 3]
        case "score": return ["4", true, [4], 0, 6, -1, 5.000_001]
        case "satisfied_from": return ["4", true, [4]]
        case "sentiment": return ["0.5", 1.1, -1.000_001, true]
        case "amount": return ["", "1,5", "1.", ".5", "1e400", "five", " 1", "0x10", true, [1]]
        case "margin": return ["1.1", "x", 2, true]
        case "interval_count", "quantity": return [0, -1, 1.5, "2", true]
        case "currency": return ["EU", "EURO", "", "E1R", 978, true, "€"]
        case "period": return ["2026", "2026-Q4", "2026-13", "2026-02-30", "2026-1-1", "", 2026, true, "20261101"]
        default: return notText + ["", String(repeating: "i", count: 201)]
        }
    }

    @Test func voids() throws {
        let type = "support.event.voided"
        let pointer = "/data/voids"
        #expect(
            try Self.judge(type) { $0["voids"] = ["source": "s"] }
                == Rejection(reason: .missingField, pointer: pointer + "/id"))
        #expect(
            try Self.judge(type) { $0["voids"] = ["id": "s"] }
                == Rejection(reason: .missingField, pointer: pointer + "/source"))
        #expect(
            try Self.judge(type) { $0["voids"] = ["id": "", "source": "s"] }
                == Rejection(reason: .invalidField, pointer: pointer + "/id"))
        #expect(
            try Self.judge(type) { $0["voids"] = ["id": "1", "source": 5] as [String: Any] }
                == Rejection(reason: .invalidField, pointer: pointer + "/source"))
    }

    @Test func prices() throws {
        for type in ["started", "changed", "reactivated"].map({ "support.subscription." + $0 }) {
            let noPrice = try Self.judge(type) {
                $0["mrr"] = nil
                $0["plan"] = "x"
            }
            #expect(noPrice == Rejection(reason: .missingField, pointer: "/data/mrr"))
            let noInterval = try Self.judge(type) {
                $0["mrr"] = nil
                $0["amount"] = 5
            }
            #expect(noInterval == Rejection(reason: .missingField, pointer: "/data/interval"))
            let complete = try Self.judge(type) {
                $0["mrr"] = nil
                $0["amount"] = "5.00"
                $0["interval"] = "Year"
            }
            #expect(complete == nil)
            #expect(
                try Self.judge(type) { $0["mrr"] = "-1" } == Rejection(reason: .invalidField, pointer: "/data/mrr"))
        }
        #expect(
            try Self.judge("support.purchase.refunded") { $0["amount"] = -1 }
                == Rejection(reason: .invalidField, pointer: "/data/amount"))
        #expect(try Self.judge("support.cost.recorded") { $0["amount"] = "-1.50" } == nil)
    }

    @Test func scales() throws {
        let type = "support.survey.answered"
        func judge(_ kind: String, _ scale: Any?, _ score: Any) throws -> String? {
            try Self.judge(type) {
                $0["kind"] = kind
                $0["scale"] = scale
                $0["score"] = score
            }?.pointer
        }
        #expect(try judge("nps", nil, 10) == nil)
        #expect(try judge("nps", [0, 10], 0) == nil)
        #expect(try judge("nps", [1, 10], 5) == "/data/scale")
        #expect(try judge("nps", nil, 11) == "/data/score")
        #expect(try judge("ces", nil, 7) == nil)
        #expect(try judge("csat", nil, 7) == "/data/score")
        #expect(try judge("csat", [1, 7], 7) == nil)
        #expect(try judge("csat", [1, 7], 4.5) == nil)
        #expect(try judge("csat", [5, 1], 3) == "/data/scale")
        #expect(try judge("csat", [1], 1) == "/data/scale")
        #expect(try judge("csat", [1, 2, 3], 1) == "/data/scale")
        #expect(try judge("csat", ["1", "5"], 1) == "/data/scale")
        #expect(try judge("csat", "1-5", 1) == "/data/scale")
    }

    // MARK: Times and currency

    @Test func timesInTheFutureAndBefore2000() throws {
        var event = Self.members(of: ContractType.all[0])
        event["time"] = "2026-11-20T09:05:00Z"
        #expect(try Self.judge(event) == nil)
        event["time"] = "2026-11-20T09:05:00.000001Z"
        #expect(try Self.judge(event) == Rejection(reason: .inFuture, pointer: "/time"))
        #expect(try Self.judge(event, now: nil) == nil)
        event["time"] = "9999-12-31T23:59:59Z"
        #expect(try Self.judge(event) == Rejection(reason: .inFuture, pointer: "/time"))
        event["time"] = "2000-01-01T00:00:00Z"
        #expect(try Self.judge(event) == nil)
        event["time"] = "2000-01-01T00:30:00+01:00"
        #expect(try Self.judge(event) == Rejection(reason: .tooLate, pointer: "/time"))
        event["time"] = "0000-01-01T00:00:00Z"
        #expect(try Self.judge(event) == Rejection(reason: .tooLate, pointer: "/time"))
        #expect(
            try Self.judge("support.ticket.snapshot") { $0["created_at"] = "1999-01-01T00:00:00Z" }
                == Rejection(reason: .tooLate, pointer: "/data/created_at"))
        #expect(
            try Self.judge("support.ticket.snapshot") { $0["created_at"] = "2027-01-01T00:00:00Z" }
                == Rejection(reason: .inFuture, pointer: "/data/created_at"))
        var options = DecoderOptions()
        options.futureTolerance = 0
        event["time"] = "2026-11-20T09:00:00.000001Z"
        #expect(try Self.judge(event, EventDecoder(options)) == Rejection(reason: .inFuture, pointer: "/time"))
    }

    @Test func currencies() throws {
        var options = DecoderOptions()
        options.currencies = ["EUR", "usd"]
        let decoder = EventDecoder(options)
        let type = try #require(ContractType.all.first { $0.name == "support.purchase.completed" })
        var event = Self.members(of: type)
        for (currency, reason) in [
            ("EUR", nil), ("Usd", nil), ("CHF", .unsupportedCurrency), (nil, nil), ("EURO", .invalidField),
        ] as [(String?, RejectionReason?)] {
            var data = event["data"] as? [String: Any] ?? [:]
            data["currency"] = currency
            event["data"] = data
            let expected = reason.map { Rejection(reason: $0, pointer: "/data/currency") }
            #expect(try Self.judge(event, decoder) == expected)
        }
    }

    @Test(arguments: ["csat", "agent_csat", "nps", "ces"]) func scalesWithoutAThresholdNeedOne(kind: String) throws {
        var options = DecoderOptions()
        options.satisfiedScales = [(1_000_000, 5_000_000), (0, 1_500_000)]
        let decoder = EventDecoder(options)
        let type = try #require(ContractType.all.first { $0.name == "support.survey.answered" })
        let missing = Rejection(reason: .missingField, pointer: "/data/satisfied_from")
        let counts = kind.hasSuffix("csat")
        for (scale, threshold, expected) in [
            (nil, nil, nil), ([1, 5], nil, nil), ([0, 1.5], nil, nil), ([0.0, 10], nil, missing), ([0, 10], 8, nil),
        ] as [([Double]?, Int?, Rejection?)] {
            if kind == "nps", scale != nil, scale != [0, 10] { continue }
            var event = Self.members(of: type)
            var data: [String: Any] = ["survey_id": "s", "kind": kind, "score": 1]
            data["scale"] = scale
            data["satisfied_from"] = threshold
            event["data"] = data
            #expect(try Self.judge(event, decoder) == (counts ? expected : nil), "\(kind) \(scale ?? [])")
            // What stands on a canonical topic has been judged under the rules of its day.
            #expect(try Self.judge(event) == nil)
        }
    }

    // MARK: Which reason

    /// Envelope, type, required members, values, currency, time.
    @Test func precedence() throws {
        var options = DecoderOptions()
        options.currencies = ["EUR"]
        let decoder = EventDecoder(options)
        let wrong: [(String, Any, Any?, RejectionReason)] = [
            // member, its wrong value, its right value, the reason while it is wrong
            ("specversion", "2", "1.0", .notCloudEvents), ("id", "", "1", .invalidField),
            ("type", "support.unknown", "support.purchase.completed", .unknownType),
            ("data", [:] as [String: Any], nil, .missingField),
            ("data", ["customer_id": "", "purchase_id": "p", "amount": 1], nil, .invalidField),
            (
                "data", ["customer_id": "c", "purchase_id": "p", "amount": 1, "currency": "CHF"], nil,
                .unsupportedCurrency
            ),
            ("time", "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z", .inFuture),
        ]
        var event: [String: Any] = ["source": "s"]
        for (name, value, _, _) in wrong.reversed() { event[name] = value }
        for (name, value, right, reason) in wrong {
            if event[name] == nil || right == nil { event[name] = value }
            #expect(try Self.judge(event, decoder)?.reason == reason)
            event[name] = right
            if name == "data", reason == .unsupportedCurrency {
                event[name] = ["customer_id": "c", "purchase_id": "p", "amount": 1]
            }
        }
        #expect(try Self.judge(event, decoder) == nil)
    }

    @Test func identifiersAreStable() {
        let identifiers = [
            "malformed_json", "not_cloudevents", "unknown_type", "missing_field", "invalid_field", "too_large",
            "too_late", "in_future", "unsupported_currency", "unknown_vendor", "entity_expired", "orphan_expired",
            "entity_too_large", "crashed_processing",
        ]
        #expect(RejectionReason.allCases.map(\.identifier) == identifiers)
        #expect(RejectionReason.allCases.map(\.rawValue) == Array(1...14))
        for reason in RejectionReason.allCases {
            #expect(RejectionReason(identifier: reason.identifier) == reason)
            #expect(reason.hint.hasSuffix("."))
        }
        #expect(RejectionReason(identifier: "nonsense") == nil)
    }

    @Test func typesAreThoseOfTheContract() {
        #expect(Set(EventType.allCases.map(\.name)) == Set(ContractType.all.map(\.name)))
        for type in EventType.allCases { #expect(EventType(name: type.name) == type) }
        let members = Set(ContractType.all.flatMap { $0.required + $0.optional } + ["scale"])
        let keys: Set = ["contact_id", "survey_id", "feedback_id", "period"]
        #expect(Set(EventField.allCases.map(\.name)) == members.union(keys))
    }
}
