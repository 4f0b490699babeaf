import Foundation
import SupportEvents
import Testing

@Suite struct FieldTests {
    let decoder = EventDecoder()

    func event(_ type: String, _ data: String, _ more: String = "") -> DecodedEvent {
        decoder.decode(
            value: Array(
                #"{"specversion":"1.0","id":"1","source":"s","type":"support.\#(type)","time":"2026-01-01T00:00:00Z"\#(more),"data":\#(data)}"#
                    .utf8))
    }

    // MARK: Times

    @Test(
        arguments: [
            ("2026-11-20T09:00:00Z", 1_795_165_200_000_000), ("2026-11-20t09:00:00z", 1_795_165_200_000_000),
            ("2026-11-20T10:00:00+01:00", 1_795_165_200_000_000), ("2026-11-20T03:30:00-05:30", 1_795_165_200_000_000),
            ("2026-11-20T09:00:00-00:00", 1_795_165_200_000_000), ("2026-11-20T09:00:00.5Z", 1_795_165_200_500_000),
            ("2026-11-20T09:00:00.123456789Z", 1_795_165_200_123_456),
            ("2026-11-20T09:00:00.999999999Z", 1_795_165_200_999_999),
            ("2026-11-20T09:00:00.000001+00:00", 1_795_165_200_000_001),
            ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
            ("2026-12-31T23:59:59+23:59", 1_798_675_259_000_000),
        ] as [(String, Int64)])
    func validTimes(_ text: String, _ micros: Int64) {
        #expect(RFC3339.parse(text) == micros)
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T09:00Z", "2026-11-20T09:00:00", "2026-11-20 09:00:00Z", "2026-11-20T09:00:60Z",
        "2026-11-20T24:00:00Z", "2026-11-20T09:60:00Z", "2026-13-20T09:00:00Z", "2026-00-20T09:00:00Z",
        "2026-11-31T09:00:00Z", "2026-11-00T09:00:00Z", "2026-02-29T09:00:00Z", "1900-02-29T09:00:00Z",
        "2026-11-20T09:00:00.Z", "2026-11-20T09:00:00.1234567890Z", "2026-11-20T09:00:00,5Z",
        "2026-11-20T09:00:00+0100",
        "2026-11-20T09:00:00+24:00", "2026-11-20T09:00:00+01:60", "2026-11-20T09:00:00+1:00", "2026-11-20T09:00:00ZZ",
        "2026-11-20T09:00:00Z ", " 2026-11-20T09:00:00Z", "+2026-11-20T09:00:00Z", "26-11-20T09:00:00Z",
        "2026-1-20T09:00:00Z", "2026/11/20T09:00:00Z", "20261120T090000Z", "２０２６-11-20T09:00:00Z",
        "2026-11-20T09:00:00+", "2026-11-20T09:00:00.5", "-026-11-20T09:00:00Z", "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00+00:01", "2026-11-20T09:00:00\u{0}Z",
    ])
    func invalidTimes(_ text: String) {
        #expect(RFC3339.parse(text) == nil)
    }

    @Test(arguments: ["\"2026-11-20T09:00:60Z\"", "\"2026-11-20\"", "5"])
    func invalidTimesAreInvalidFields(_ json: String) {
        let time = decoder.decode(
            value: Array(
                #"{"specversion":"1.0","id":"1","source":"s","type":"support.ticket.restored","time":\#(json),"data":{"ticket_id":"1"}}"#
                    .utf8))
        #expect(decoder.rejection(of: time) == Rejection(reason: .invalidField, pointer: "/time"))
    }

    // MARK: Sequence

    @Test(
        arguments: [
            ("7", 7), ("\"7\"", 7), ("-1", -1), ("-5", -5), ("\"-5\"", -5), ("\"007\"", 7), ("7.0", 7), ("7e2", 700),
            ("9223372036854775807", .max), ("\"-9223372036854775808\"", .min), ("0", 0), ("-0", 0), ("null", -1),
            ("70e-1", 7),
        ] as [(String, Int64)])
    func sequences(_ json: String, _ value: Int64) {
        let decoded = event("ticket.restored", #"{"ticket_id":"1"}"#, #","sequence":\#(json)"#)
        #expect(decoded.rejection == nil)
        #expect(decoded.sequence == value)
    }

    @Test(arguments: ["7.5", "1e400", "9223372036854775808", "-9223372036854775809", "\"1e2\"", "{}", "false", "1e-1"])
    func invalidSequences(_ json: String) {
        let decoded = event("ticket.restored", #"{"ticket_id":"1"}"#, #","sequence":\#(json)"#)
        #expect(decoder.rejection(of: decoded) == Rejection(reason: .invalidField, pointer: "/sequence"))
    }

    // MARK: Presence

    @Test func nullClearsInUpdatesOnly() {
        let data =
            #"{"ticket_id":"1","team":null,"priority":"High","customer_id":null,"tags":null,"channel":null,"tier":""}"#
        let updated = event("ticket.updated", data)
        #expect(updated.rejection == nil)
        for field in [EventField.team, .customerID, .tags, .channel, .tier] {
            #expect(updated.presence(of: field) == .null)
        }
        #expect(updated.presence(of: .priority) == .value)
        #expect(updated.presence(of: .segment) == .absent)
        let created = event("ticket.created", data)
        for field in [EventField.team, .customerID, .tags, .channel, .tier] {
            #expect(created.presence(of: field) == .absent)
        }
        #expect(event("ticket.status_changed", #"{"ticket_id":"1","status":"open","agent_id":null}"#).null == 0)
        #expect(event("ticket.updated", #"{"ticket_id":"1","agent_id":""}"#).rejection == .invalidField)
    }

    @Test func membersOfOtherTypesAreUnknown() {
        let message = event(
            "ticket.message", #"{"ticket_id":"1","author":"bot","team":{},"seconds":"x","customer_id":5}"#)
        #expect(message.rejection == nil)
        #expect(message.present == EventField.ticketID.mask | EventField.author.mask)
        #expect(message.customer.isEmpty)
    }

    @Test func defaults() {
        let message = event("ticket.message", #"{"ticket_id":"1","author":"customer"}"#)
        #expect(message.isPublic && !message.has(.public))
        #expect(!event("ticket.message", #"{"ticket_id":"1","author":"customer","public":false}"#).isPublic)
        #expect(event("ticket.status_changed", #"{"ticket_id":"1","status":"open"}"#).effectiveActor == .system)
        #expect(
            event("ticket.status_changed", #"{"ticket_id":"1","status":"open","agent_id":"a","actor":"bot"}"#)
                .effectiveActor == .bot)
        #expect(event("ticket.deleted", #"{"ticket_id":"1"}"#).deletion == .deleted)
        #expect(event("ticket.deleted", #"{"ticket_id":"1","reason":"SPAM"}"#).deletion == .spam)
        #expect(event("ticket.deleted", #"{"ticket_id":"1","reason":"gdpr"}"#).deletion == .deleted)
        #expect(event("contact.abandoned", #"{"contact_id":"1"}"#).abandonedIn == .queue)
        let answer = event("survey.answered", #"{"survey_id":"1","kind":"ces","score":2.5}"#)
        #expect(answer.score == 2_500_000)
        #expect(answer.scaleMinimum == 1_000_000 && answer.scaleMaximum == 7_000_000)
        #expect(answer.direction == .highIsGood)
    }

    // MARK: Numbers

    @Test(
        arguments: [
            ("750", 750_000), ("0", 0), ("-0", 0), ("-0.0", 0), ("1.5", 1500), ("0.0005", 0), ("0.0015", 2),
            ("0.0025", 2),
            ("0.00250000000000000000000000001", 3), ("0.0035", 4), ("1e2", 100_000), ("1E+2", 100_000),
            ("1500e-3", 1500),
            ("1e-400", 0), ("0e400", 0), ("1000000000", 1_000_000_000_000), ("0.9995", 1000), ("12.3456", 12_346),
            ("0.00049999999999999999999999999999", 0), ("100000000000000000000e-20", 1000),
        ] as [(String, Int64)])
    func durations(_ json: String, _ milliseconds: Int64) {
        let worked = event("ticket.worked", #"{"ticket_id":"1","seconds":\#(json)}"#)
        #expect(worked.rejection == nil)
        #expect(worked.milliseconds == milliseconds)
    }

    @Test(arguments: ["1e400", "1000000000.001", "123456789012345678901234567890", "-0.1", "9223372036854775.808"])
    func invalidDurations(_ json: String) {
        let worked = event("ticket.worked", #"{"ticket_id":"1","seconds":\#(json)}"#)
        #expect(decoder.rejection(of: worked) == Rejection(reason: .invalidField, pointer: "/data/seconds"))
    }

    @Test(arguments: ["91", "0", "-7", "1.50", "123456789012345678901234567890", "1e400"])
    func numbersAsIdsAndLabels(_ number: String) {
        let decoded = event("ticket.created", #"{"ticket_id":\#(number),"priority":\#(number),"tags":[\#(number)]}"#)
        #expect(decoded.rejection == nil)
        #expect(decoder.string(decoded.entity) == number)
        #expect(decoder.string(decoded.priority) == number.lowercased())
        #expect(decoder.string(decoder.tag(0, of: decoded)) == number.lowercased())
    }

    @Test func limitsOfIdsAndLabels() {
        let id = String(repeating: "ä", count: 100)
        #expect(decoder.string(event("ticket.created", #"{"ticket_id":"\#(id)"}"#).entity) == id)
        #expect(event("ticket.created", #"{"ticket_id":"\#(id)x"}"#).rejection == .invalidField)
        let label = String(repeating: "ß", count: 50)
        #expect(
            decoder.string(event("ticket.created", #"{"ticket_id":"1","team":"\#(label)"}"#).team)
                == String(repeating: "s", count: 100))
        // The folded form keeps the limit too, so that the canonical event is valid.
        let grows = String(repeating: "İ", count: 50)
        #expect(event("ticket.created", #"{"ticket_id":"1","team":"\#(grows)"}"#).rejection == .invalidField)
    }

    @Test func subjectIsTheEntity() {
        #expect(event("ticket.restored", #"{"ticket_id":"7"}"#, #","subject":"7""#).rejection == nil)
        #expect(event("ticket.restored", #"{"ticket_id":7}"#, #","subject":"\u0037""#).rejection == nil)
        #expect(event("ticket.restored", #"{"ticket_id":"7"}"#, #","subject":7"#).rejection == nil)
        #expect(event("ticket.restored", #"{"ticket_id":"7"}"#, #","subject":null"#).rejection == nil)
        #expect(event("ticket.restored", #"{"ticket_id":"7"}"#, #","subject":"07""#).rejection == .invalidField)
    }

    // MARK: Closed sets

    @Test func closedSetsWithoutCase() {
        for status in TicketStatus.allCases {
            for name in [status.name, status.name.uppercased(), status.name.capitalized] {
                #expect(
                    event("ticket.status_changed", #"{"ticket_id":"1","status":"\#(name)"}"#).status == status)
            }
        }
        #expect(event("ticket.status_changed", #"{"ticket_id":"1","status":"Hold"}"#).status == .onHold)
        #expect(event("ticket.status_changed", #"{"ticket_id":"1","status":"\u004fpen"}"#).status == .open)
        for channel in Channel.allCases {
            #expect(
                event("ticket.created", #"{"ticket_id":"1","channel":"\#(channel.name.uppercased())"}"#).channel
                    == channel)
        }
        for channel in ["\"fax\"", "\"\"", "5", "\"Téléphone\"", "\"\(String(repeating: "x", count: 300))\""] {
            #expect(event("ticket.created", #"{"ticket_id":"1","channel":\#(channel)}"#).channel == .other)
        }
        for author in Author.allCases {
            #expect(event("ticket.message", #"{"ticket_id":"1","author":"\#(author.name)"}"#).author == author)
        }
        for initiator in Initiator.allCases {
            #expect(
                event("ticket.created", #"{"ticket_id":"1","initiator":"\#(initiator.name)"}"#).initiator == initiator)
        }
        for kind in SurveyKind.allCases {
            #expect(event("survey.sent", #"{"survey_id":"1","kind":"\#(kind.name)"}"#).kind == kind)
        }
        for state in AgentState.allCases {
            #expect(event("agent.state", #"{"agent_id":"1","state":"\#(state.name)"}"#).agentState == state)
        }
        for interval in BillingInterval.allCases {
            let data = #"{"customer_id":"1","subscription_id":"2","amount":1,"interval":"\#(interval.name)"}"#
            #expect(event("subscription.started", data).interval == interval)
        }
        for outcome in ContactOutcome.allCases {
            #expect(event("contact.ended", #"{"contact_id":"1","outcome":"\#(outcome.name)"}"#).outcome == outcome)
        }
        for place in AbandonmentPlace.allCases {
            #expect(event("contact.abandoned", #"{"contact_id":"1","in":"\#(place.name)"}"#).abandonedIn == place)
        }
        for direction in ScaleDirection.allCases {
            let data = #"{"survey_id":"1","kind":"csat","score":3,"direction":"\#(direction.name)"}"#
            #expect(event("survey.answered", data).direction == direction)
        }
    }

    @Test func aliases() {
        var options = DecoderOptions()
        options.priorityAliases = ["P1": "Urgent", "höchste": "urgent", "1": "urgent"]
        options.statusAliases = [
            "Gelöst": .solved, "resolved": .solved, "5": .closed, "open": .closed, "HOLD": .pending,
        ]
        let decoder = EventDecoder(options)
        func priority(_ json: String) -> String {
            let event = decoder.decode(value: created(#","priority":\#(json),"category":"p1""#))
            #expect(decoder.string(event.category) == "p1")
            return decoder.string(event.priority)
        }
        #expect(priority("\"p1\"") == "urgent")
        #expect(priority("\"HÖCHSTE\"") == "urgent")
        #expect(priority("1") == "urgent")
        #expect(priority("\"p2\"") == "p2")
        func status(_ json: String) -> TicketStatus? { decoder.decode(value: created(#","status":\#(json)"#)).status }
        #expect(status("\"GELÖST\"") == .solved)
        #expect(status("\"Resolved\"") == .solved)
        #expect(status("5") == .closed)
        #expect(status("\"hold\"") == .pending)
        // The contract's own names mean what they say.
        #expect(status("\"open\"") == .open)
        #expect(status("\"done\"") == nil)
    }

    // MARK: Entities

    @Test(arguments: [
        ("ticket_id", EntityKind.ticket, "tickets"), ("contact_id", .contact, "contacts"),
        ("agent_id", .agent, "contacts"), ("survey_id", .survey, "surveys"), ("feedback_id", .feedback, "surveys"),
        ("customer_id", .customer, "customers"),
    ])
    func voidedEventsBelongToTheEntityTheyName(_ key: String, _ kind: EntityKind, _ topic: String) {
        let voided = event("event.voided", #"{"\#(key)":"E","voids":{"id":7,"source":"s"}}"#)
        #expect(voided.rejection == nil)
        #expect(voided.entityKind == kind)
        #expect(voided.entityKind.topic == topic)
        #expect(decoder.string(voided.entity) == "E")
        #expect(voided.voidsIdentity == FNV1a.identity("s", "7"))
        #expect(decoder.string(voided.voidsID) == "7")
        #expect(decoder.string(voided.voidsSource) == "s")
    }

    @Test func voidedPeriods() {
        let voided = event("event.voided", #"{"period":"2026-11","voids":{"id":"7","source":"s"}}"#)
        #expect(voided.entityKind == .period && voided.entityKind.topic == "finance")
        #expect(decoder.string(voided.entity) == "2026-11")
        let none = event("event.voided", #"{"voids":{"id":"7","source":"s"}}"#)
        #expect(decoder.rejection(of: none) == Rejection(reason: .missingField, pointer: "/data/ticket_id"))
        let both = event("event.voided", #"{"contact_id":"c","ticket_id":"t","voids":{"id":"7","source":"s"}}"#)
        #expect(both.entityKind == .ticket && !both.has(.contactID))
    }

    @Test func tagsAreASet() {
        let decoded = event("ticket.updated", #"{"ticket_id":"1","tags":["b","A","a",7,"","Ä","B"]}"#)
        let tags = (0..<decoded.tagCount).map { decoder.string(decoder.tag($0, of: decoded)) }
        #expect(tags == ["7", "a", "b", "ä"])
        let empty = event("ticket.updated", #"{"ticket_id":"1","tags":[]}"#)
        #expect(empty.presence(of: .tags) == .value && empty.tagCount == 0)
        let wrong = event("ticket.updated", #"{"ticket_id":"1","tags":["a","b",null]}"#)
        #expect(decoder.rejection(of: wrong) == Rejection(reason: .invalidField, pointer: "/data/tags/2"))
    }
}
