import Deskbeat
import Foundation
import Testing

@Suite struct MappingErrorTests {
    @Test(arguments: [
        (
            "source: x\ntype: support.ticket.message\ntime: t\ndata:\n  ticket_id: n\n  auther: {value: agent}\n",
            "6:3", "did you mean \"author\"?"
        ),
        (
            "source: x\ntype: support.ticket.mesage\ntime: t\ndata: {}\n", "2:7",
            "did you mean \"support.ticket.message\"?"
        ),
        ("source: x\ntype: support.ticket.message\ntime: t\ndata: {ticket_id: n}\n", "4:7", "needs \"author\""),
        ("source: x\ntime: t\ndata: {}\n", "1:1", "needs \"type:\""),
        ("type: support.ticket.restored\ntime: t\ndata: {ticket_id: n}\n", "1:1", "needs \"source:\""),
        ("source: x\nsnapshots: maybe\n", "2:12", "true or false"),
        ("source: x\ntimes: {format: '%Y', zone: UTC}\n", "2:17", "no time letter"),
        ("source: x\ntimes: {zone: Nowhere/City}\n", "2:15", "time zone 'Nowhere/City'"),
        (
            "source: x\nmising: [a]\ntype: support.ticket.restored\ntime: t\ndata: {ticket_id: n}\n", "2:1",
            "did you mean \"missing\"?"
        ),
        ("source: x\nevents: []\n", "2:9", "events is empty"),
        ("source: x\nskip:\n  - when: {a: {is: b}}\n    reason: r\n", "3:15", "a condition is"),
        ("source: x\ntype: support.ticket.restored\ntime: t\ndata: {ticket_id: '{n'}\n", "4:19", "without \"}\""),
        ("source: x\n  bad indent: [\n", "2:13", "not allowed"),
    ])
    func isPlaced(yaml: String, place: String, message: String) throws {
        let error = #expect(throws: MappingError.self) { try Mapping(yaml: yaml) }
        let text = try #require(error).description
        #expect(text.hasPrefix("mapping:\(place): "), "\(text)")
        #expect(text.contains(message), "\(text)")
    }

    @Test func repeatedColumnIsPlacedWhenItIsUsed() throws {
        let yaml = "source: x\ntype: support.ticket.restored\ntime: updated\ndata: {ticket_id: n}\n"
        let mapping = try Mapping(yaml: yaml)
        #expect(throws: Never.self) { try RowMapper(mapping, header: ["n", "updated", "x", "x"]) }
        let error = #expect(throws: MappingError.self) { try RowMapper(mapping, header: ["n", "updated", "n"]) }
        #expect(try #require(error).description == "mapping:4:19: the file has several columns \"n\"")
    }

    @Test func unknownColumnIsPlaced() throws {
        let mapping = try Mapping(
            yaml: "source: x\ntype: support.ticket.restored\ntime: updated\ndata: {ticket_id: nubmer}\n")
        let error = #expect(throws: MappingError.self) { try RowMapper(mapping, header: ["number", "updated"]) }
        #expect(
            try #require(error).description.contains(
                "mapping:4:19: the file has no column \"nubmer\" (did you mean \"number\"?)"))
    }
}

@Suite struct RowMapperTests {
    private static let snapshots = """
        source: helpdesk
        missing: ["?"]
        times: {format: "d/M/yyyy HH:mm", zone: Europe/Berlin}
        snapshots: true
        time: changed
        version: rev
        data:
          ticket_id: number
          created_at: opened
          status: {column: state, map: {New: new, "Await*": pending, Done: solved}, default: null}
          priority: priority
          tags: {column: tags, split: ";"}
        """
    private static let header = "number,rev,opened,changed,state,priority,tags\n"

    @Test func snapshotsCarryTheState() throws {
        let batch = try replay(
            Self.header
                + "7,0,1/7/2020 10:00,1/7/2020 10:05,New,?,\n7,1,1/7/2020 10:00,2/7/2020 09:00,Awaiting User,high,a; b\n",
            Self.snapshots)
        #expect(batch.rejected.isEmpty)
        #expect(
            batch.events.map { String(decoding: $0.value, as: UTF8.self) } == [
                #"{"specversion":"1.0","id":"7:ticket.snapshot:0:2020-07-01T08:05:00Z","source":"helpdesk","type":"support.ticket.snapshot","time":"2020-07-01T08:05:00Z","sequence":0,"data":{"ticket_id":"7","created_at":"2020-07-01T08:00:00Z","status":"new"}}"#,
                #"{"specversion":"1.0","id":"7:ticket.snapshot:1:2020-07-02T07:00:00Z","source":"helpdesk","type":"support.ticket.snapshot","time":"2020-07-02T07:00:00Z","sequence":1,"data":{"ticket_id":"7","created_at":"2020-07-01T08:00:00Z","status":"pending","priority":"high","tags":["a","b"]}}"#,
            ])
        #expect(batch.events.map(\.key) == [Array("7".utf8), Array("7".utf8)])
        #expect(batch.events[0].time == 1_593_590_700_000_000)
    }

    @Test func rowWithoutStatusUpdatesAndClears() throws {
        let batch = try replay(Self.header + "7,2,1/7/2020 10:00,1/7/2020 10:05,-100,?,x\n", Self.snapshots)
        #expect(
            batch.events.map { String(decoding: $0.value, as: UTF8.self) } == [
                #"{"specversion":"1.0","id":"7:ticket.snapshot:2:2020-07-01T08:05:00Z","source":"helpdesk","type":"support.ticket.updated","time":"2020-07-01T08:05:00Z","sequence":2,"data":{"ticket_id":"7","priority":null,"tags":["x"]}}"#
            ])
    }

    @Test func badRowsSayWhere() throws {
        let batch = try replay(
            Self.header + "7,0,?,1/7/2020 10:05,New,,\n8,x,1/7/2020 10:00,1/7/2020 10:05,New,,\n"
                + "9,0,1/7/2020 10:00,32/7/2020 10:05,New,,\n9,0\n?,0,1/7/2020 10:00,1/7/2020 10:05,New,,\n"
                + "10,0,1/7/2020 10:00,1/7/2020 10:05,New,,\n",
            Self.snapshots)
        #expect(
            batch.rejected.map(\.description) == [
                "row 1 (line 2), column opened: is missing, and created_at is required",
                "row 2 (line 3), column rev: \"x\" is no whole number",
                "row 3 (line 4), column changed: \"32/7/2020 10:05\" is no time of the form \"d/M/yyyy HH:mm\"",
                "row 4 (line 5): has 2 fields, the header 7",
                "row 5 (line 6), column number: is missing, and ticket_id is required",
            ])
        #expect(batch.events.count == 1)
        #expect(batch.rows == 6)
    }

    @Test func idsDoNotDependOnTheOrderOfRows() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let lines = (0..<60).map { index in
            "\(index % 7),\(index),1/7/2020 10:00,\(1 + index % 28)/7/2020 10:05,\(["New", "Done", "-100"][index % 3]),p\(index % 2),\n"
        }
        let plain = try replay(Self.header + lines.joined(), Self.snapshots).events.map(\.value)
        #expect(Set(plain).count == 60)
        let shuffled = (lines + lines).shuffled(using: &random)
        #expect(Set(try replay(Self.header + shuffled.joined(), Self.snapshots).events.map(\.value)) == Set(plain))
    }

    /// Without a version the content tells events of one entity and time apart; a repeated row is the same event.
    @Test func idsWithoutVersion() throws {
        let yaml =
            "source: s\ntype: support.ticket.message\ntime: t\ndata: {ticket_id: n, author: {value: customer}, agent_id: a}\n"
        let batch = try replay("n,t,a\n1,2020-01-01,x\n1,2020-01-01,y\n1,2020-01-01,x\n", yaml)
        let ids = try batch.events.map { try object($0)["id"] as? String }
        #expect(Set(ids).count == 2)
        #expect(ids[0] == ids[2])
        let long = String(repeating: "n", count: 199)
        let id = try object(replay("n,t,a\n\(long),2020-01-01,x\n", yaml).events[0])["id"] as? String
        #expect(try #require(id).utf8.count <= 200)
    }

    /// A call centre's log in its own form: tabs, a date and clock times, midnight wraps, several events per row.
    @Test func callsGiveSeveralEvents() throws {
        let yaml = """
            source: calls
            delimiter: tab
            missing: ["0:00:00"]
            times: {format: yyMMdd H:mm:ss, zone: Asia/Jerusalem}
            skip:
              - when: {outcome: PHANTOM}
                reason: phantom call
            events:
              - type: support.contact.queued
                time: {template: "{date} {entry}"}
                data:
                  contact_id: "{line}-{call}"
                  channel: {value: phone}
                  tier: {column: priority, map: {"2": high, "0": normal, "1": normal}}
              - type: support.contact.answered
                when: {start: {present: true}, server: {not: NO_SERVER}}
                time: {template: "{date} {start}", not_before: "{date} {entry}"}
                data: {contact_id: "{line}-{call}", agent_id: server}
              - type: support.contact.ended
                when: {outcome: [AGENT]}
                time: {template: "{date} {start}", not_before: "{date} {entry}", plus: {talk: seconds}}
                data: {contact_id: "{line}-{call}", talk_seconds: talk}
            """
        let batch = try replay(
            "line\tcall\tpriority\tdate\tentry\tstart\ttalk\tserver\toutcome\n"
                + "AA\t1\t2\t990101\t23:59:50\t0:00:05\t0054\tMICHAL\tAGENT\n"
                + "AA\t2\t0\t990101\t8:00:00\t0:00:00\t0\tNO_SERVER\tHANG\n"
                + "AA\t3\t0\t990101\t8:00:00\t0:00:00\t0\tNO_SERVER\tPHANTOM\n", yaml)
        #expect(batch.rejected.isEmpty)
        #expect(batch.skipped == ["phantom call": 1])
        let events = try batch.events.map(object)
        #expect(
            events.map { $0["type"] as? String } == [
                "support.contact.queued", "support.contact.answered", "support.contact.ended", "support.contact.queued",
            ])
        #expect(
            events.map { $0["time"] as? String } == [
                "1999-01-01T21:59:50Z", "1999-01-01T22:00:05Z", "1999-01-01T22:00:59Z", "1999-01-01T06:00:00Z",
            ])
        #expect((events[0]["data"] as? [String: String]) == ["contact_id": "AA-1", "channel": "phone", "tier": "high"])
        #expect((events[2]["data"] as? [String: Any])?["talk_seconds"] as? Int == 54)
        #expect(
            batch.events.map { $0.key.map { String(decoding: $0, as: UTF8.self) } } == ["AA-1", "AA-1", "AA-1", "AA-2"])
    }

    @Test func surveysAndSubscriptions() throws {
        let survey = """
            source: survey
            type: support.survey.answered
            when: {score: {not: ["11", "x*"]}}
            time: {template: "2017-05-{day}", format: yyyy-MM-d}
            data: {survey_id: id, kind: {value: nps}, score: score, scale: {value: [0, 10]}}
            """
        let answers = try replay("id,day,score\n1,9,10\n2,9,11\n3,9,xx\n4,9,8.5\n", survey)
        #expect(answers.skipped == ["no event applies": 2])
        #expect(
            try answers.events.map { String(describing: try object($0)["data"] ?? "").contains("nps") } == [true, true])
        #expect(String(decoding: answers.events[1].value, as: UTF8.self).contains(#""score":8.5,"scale":[0,10]"#))

        let churn = """
            source: telco
            events:
              - type: support.subscription.started
                time: {template: "2018-03-31", minus: {tenure: months}}
                data: {customer_id: id, subscription_id: id, mrr: charges}
              - type: support.subscription.cancelled
                when: {churn: "Yes"}
                time: {template: "2018-03-31"}
                data: {customer_id: id, subscription_id: id}
            """
        let customers = try replay("id,tenure,charges,churn\nC1,13,29.85,Yes\nC2,1,70,No\n", churn)
        #expect(
            try customers.events.map { try object($0)["time"] as? String } == [
                "2017-02-28T00:00:00Z", "2018-03-31T00:00:00Z", "2018-02-28T00:00:00Z",
            ])
        #expect(String(decoding: customers.events[0].value, as: UTF8.self).contains(#""mrr":"29.85""#))
    }

    @Test func textIsEscapedAndChecked() throws {
        let yaml = "source: s\ntype: support.ticket.created\ntime: t\ndata: {ticket_id: n, category: c}\n"
        let batch = try replay("n,t,c\n1,2020-01-01,\"a \"\"b\"\" \\ \n\u{1}é\"\n", yaml)
        #expect((try object(batch.events[0])["data"] as? [String: String])?["category"] == "a \"b\" \\ \n\u{1}é")
        let mapping = try Mapping(yaml: yaml)
        let source = try ByteSource(bytes: Array("n,t,c\n1,2020-01-01,".utf8) + [0xE9, 0x0A], chunk: 9)
        let reader = try TableReader(source, mapping, format: DelimitedFormat())
        var bad = ReplayBatch()
        while try reader.next(into: &bad) {}
        #expect(bad.rejected.map(\.column) == ["c"])
    }

    @Test(arguments: [
        ("007", "7"), ("-0.50", "-0.50"), ("+3", "3"), ("1e5", "1e5"), ("00", "0"), ("1.", nil), (".5", nil),
        ("1,5", nil), ("NaN", nil),
        ("", nil), ("--1", nil),
    ])
    func jsonNumbers(text: String, expected: String?) {
        var json: [UInt8] = []
        #expect(json.appendJSONNumber(Array(text.utf8)[...]) == (expected != nil))
        #expect(String(decoding: json, as: UTF8.self) == expected ?? "")
    }
}

@Suite struct EnvelopeScannerTests {
    private func scan(_ text: String) -> [String?]? {
        let bytes = Array(text.utf8)
        return EnvelopeScanner.scan(bytes, 0..<bytes.count).map { envelope in
            [envelope.type, envelope.time, envelope.key].map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } }
        }
    }

    @Test func findsKeyByType() {
        #expect(
            scan(
                #" {"data":{"customer_id":"C","ticket_id":91, "x":{"ticket_id":"no"}},"type":"support.ticket.created","time":"T"} "#
            )
                == ["support.ticket.created", "T", "91"])
        #expect(
            scan(#"{"type":"support.survey.sent","data":{"ticket_id":"t","survey_id":"s"}}"#)
                == ["support.survey.sent", nil, "s"])
        #expect(scan(#"{"type":"unknown","data":{"contact_id":"c","agent_id":"a"}}"#) == ["unknown", nil, "c"])
        #expect(scan(#"{"a":[1,{"b":"]}"}],"data":"\"}{","n":null}"#) == [nil, nil, nil])
        #expect(scan("{}") == [nil, nil, nil])
    }

    @Test(arguments: [
        "", "[]", "x", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":1}}"#, #"{"a":"x}"#, #"{"a":1,}"#,
        #"{"data":{"ticket_id":}}"#,
    ])
    func refuses(text: String) { #expect(scan(text) == nil) }

    @Test func anyBytesWithoutATrap() {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let alphabet = Array(#"{}[]",:\ad1"#.utf8) + Array(#""data""#.utf8)
        for _ in 0..<5_000 {
            let bytes = [UInt8(ascii: "{")] + (0..<20).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            guard let envelope = EnvelopeScanner.scan(bytes, 0..<bytes.count) else { continue }
            for range in [envelope.type, envelope.time, envelope.key] {
                if let range { #expect(range.upperBound <= bytes.count, "seed \(random.seed)") }
            }
        }
    }
}
