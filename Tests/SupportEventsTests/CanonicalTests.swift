import Foundation
import SupportEvents
import Testing

@Suite struct CanonicalTests {
    let decoder = EventDecoder()

    func canonical(_ json: String, _ encoder: CanonicalEncoder = CanonicalEncoder(), with decoder: EventDecoder? = nil)
        -> String
    {
        let decoder = decoder ?? self.decoder
        var encoder = encoder
        let event = decoder.decode(value: Array(json.utf8))
        #expect(decoder.rejection(of: event) == nil)
        encoder.encode(event, in: decoder)
        return String(decoding: encoder.bytes, as: UTF8.self)
    }

    func conflict(_ json: String) -> String {
        var encoder = CanonicalEncoder()
        let event = decoder.decode(value: Array(json.utf8))
        #expect(decoder.rejection(of: event) == nil)
        encoder.encodeForConflict(event, in: decoder)
        return String(decoding: encoder.bytes, as: UTF8.self)
    }

    @Test func form() {
        let text = canonical(
            #"""
            {"type": "support.ticket.updated", "specversion": "1.0", "subject": "91", "datacontenttype": "application/json",
             "id": 17, "source": "https://acme.example/\"x\"", "sequence": "0003", "time": "2026-11-20t10:00:00.1234567+01:00",
             "data": {"ticket_id": 91, "team": "Team Ä", "priority": 1, "tags": ["b", "A", "B"], "agent_id": null,
                      "channel": "FAX", "name": "Mrs Example", "seconds": 5}}
            """#)
        #expect(
            text
                == #"{"data":{"agent_id":null,"channel":"other","priority":"1","tags":["a","b"],"team":"team ä","ticket_id":"91"},"id":"17","sequence":3,"source":"https://acme.example/\"x\"","specversion":"1.0","time":"2026-11-20T09:00:00.123456Z","type":"support.ticket.updated"}"#
        )
    }

    @Test func theSequenceOfNothingIsLeftOut() {
        let text = canonical(
            #"{"specversion":"1.0","id":"1","source":"s","type":"support.ticket.restored","time":"2026-01-01T00:00:00Z","sequence":-1,"data":{"ticket_id":"1"}}"#
        )
        #expect(
            text
                == #"{"data":{"ticket_id":"1"},"id":"1","source":"s","specversion":"1.0","time":"2026-01-01T00:00:00.000000Z","type":"support.ticket.restored"}"#
        )
    }

    @Test func commentsAndUnknownMembers() {
        let json =
            #"{"specversion":"1.0","id":"1","source":"s","type":"support.survey.answered","time":"2026-01-01T00:00:00Z","data":{"survey_id":"1","kind":"CSAT","score":4.50,"comment":"very \"good\"","z_ref":{"b" : [1, "x \" y"],"a":1e3},"a_ref": "\u00e4","name":"Mrs Example"}}"#
        #expect(
            canonical(json)
                == #"{"data":{"kind":"csat","score":4.50,"survey_id":"1"},"id":"1","source":"s","specversion":"1.0","time":"2026-01-01T00:00:00.000000Z","type":"support.survey.answered"}"#
        )
        #expect(canonical(json, CanonicalEncoder(keepsComments: true)).contains(#""comment":"very \"good\"","kind""#))
        var options = DecoderOptions()
        options.keepUnknown = ["z_ref", "a_ref", "not_there"]
        let keeping = EventDecoder(options)
        let kept = canonical(json, with: keeping)
        #expect(
            kept.hasPrefix(
                #"{"data":{"a_ref":"\u00e4","kind":"csat","score":4.50,"survey_id":"1","z_ref":{"b":[1,"x \" y"],"a":1e3}},"#
            ))
        #expect(canonical(kept, with: keeping) == kept)
        // Of an unknown member too the last one counts.
        let twice = json.replacingOccurrences(of: #""name":"Mrs Example""#, with: #""\u0061_ref":2"#)
        #expect(canonical(twice, with: keeping).contains(#"{"a_ref":2,"kind""#))
    }

    @Test func deletionsCarryNoText() {
        let json =
            #"{"specversion":"1.0","id":"1","source":"s","type":"support.ticket.deleted","time":"2026-01-01T00:00:00Z","data":{"ticket_id":"1","reason":"asked by Mrs Example"}}"#
        #expect(canonical(json).hasPrefix(#"{"data":{"reason":"deleted","ticket_id":"1"},"#))
    }

    @Test func aliasesAreApplied() {
        var options = DecoderOptions()
        options.priorityAliases = ["highest": "Urgent"]
        options.statusAliases = ["resolved": .solved]
        let json = String(decoding: created(#","priority":"Highest","status":"Resolved""#), as: UTF8.self)
        #expect(
            canonical(json, with: EventDecoder(options)).hasPrefix(
                #"{"data":{"priority":"urgent","status":"solved","ticket_id":"T"},"#))
    }

    // MARK: Conflicts

    @Test func formForConflicts() {
        #expect(
            conflict(String(decoding: created(#","priority":"High","x":1"#), as: UTF8.self))
                == #"{"data":{"priority":"high","ticket_id":"T"},"sequence":-1,"time":"2026-01-01T00:00:00.000000Z","type":"support.ticket.created"}"#
        )
    }

    /// Differences without meaning are none.
    @Test(arguments: [
        #"{"data":{"ticket_id":91,"team":"A"},"specversion":"1.0","id":7,"source":"s","type":"support.ticket.created","time":"2026-01-01T00:00:00Z"}"#,
        #"{"specversion":"1.0","id":"7","source":"s","type":"support.ticket.created","time":"2026-01-01T01:00:00.0000009+01:00","sequence":-1,"data":{"team":"a","ticket_id":"91","priority":null,"unknown":1}}"#,
        #"{"specversion":"1.0","id":"7","source":"s","subject":"91","type":"support.ticket.created","time":"2025-12-31t20:30:00.000-03:30","sequence":"-1","data":{"ticket_id":"9\u0031","team":"\u0041"}}"#,
    ])
    func conflictsAreAboutMeaning(_ json: String) {
        #expect(
            conflict(json)
                == #"{"data":{"team":"a","ticket_id":"91"},"sequence":-1,"time":"2026-01-01T00:00:00.000000Z","type":"support.ticket.created"}"#
        )
    }

    @Test func greaterBytesCount() {
        let low = Array(conflict(String(decoding: created(#","priority":"high""#), as: UTF8.self)).utf8)
        let high = Array(conflict(String(decoding: created(#","priority":"low""#), as: UTF8.self)).utf8)
        #expect(CanonicalEncoder.isGreater(high, than: low))
        #expect(!CanonicalEncoder.isGreater(low, than: high))
        #expect(!CanonicalEncoder.isGreater(low, than: low))
    }

    @Test func contentFromStoredFields() {
        var content = EventContent(type: .ticketStatusChanged, time: 1_767_225_600_000_000, sequence: 4)
        content[.ticketID] = .text(Array("91".utf8))
        content.set(.status, TicketStatus.onHold)
        content.set(.actor, Participant.bot)
        content[.agentID] = .text(Array("A\"3".utf8))
        var encoder = CanonicalEncoder()
        encoder.encodeForConflict(content)
        let json =
            #"{"specversion":"1.0","id":"7","source":"s","type":"support.ticket.status_changed","time":"2026-01-01T00:00:00Z","sequence":4,"data":{"ticket_id":"91","status":"hold","actor":"Bot","agent_id":"A\"3"}}"#
        #expect(String(decoding: encoder.bytes, as: UTF8.self) == conflict(json))
        let event = decoder.decode(value: Array(json.utf8))
        #expect(EventContent(event, in: decoder) == content)
        content[.actor] = nil
        #expect(EventContent(event, in: decoder) != content)
    }
}
