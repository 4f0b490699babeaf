import ArgumentParser
import Foundation
import Ingest
import Kafka
import Logging
import ServiceKit
import Streams
import SupportEvents
import TestSupport
import Testing

@Suite struct TransformTaskTests {
    typealias Header = (name: String, value: [UInt8]?)

    private func task(_ rules: Rules = .default, pseudonymizer: Pseudonymizer? = nil, partitions: Int32 = 12)
        -> TransformTask
    {
        TransformTask(
            options: DecoderOptions(rules), keepsComments: rules.keepComments, pseudonymizer: pseudonymizer,
            partitionCounts: Array(repeating: partitions, count: 5), figures: TransformFigures())
    }

    private func batch(_ values: [[UInt8]?], headers: [Header] = [], timestamp: Int64 = fixtureNow / 1_000)
        -> RecordBatch
    {
        let batch = RecordBatch()
        for (offset, value) in values.enumerated() {
            let place = TopicPartition(topic: "support.inbound", partition: 3)
            if let value {
                unsafe batch.append(
                    place, offset: Int64(offset), timestamp: timestamp, key: nil, value: value.span.bytes,
                    headers: headers)
            } else {
                batch.append(place, offset: Int64(offset), timestamp: timestamp, key: nil, value: nil, headers: headers)
            }
        }
        return batch
    }

    @discardableResult
    private func run(_ task: TransformTask, _ values: [String], headers: [Header] = [], at wall: Int64? = fixtureNow)
        throws
        -> CapturingOutput
    {
        let output = CapturingOutput()
        if let wall {
            try task.advance(
                to: TaskTime(clock: wall, wall: wall, caughtUp: true, idle: false, degraded: false), output: output)
        }
        let batch = batch(values.map { Array($0.utf8) }, headers: headers)
        try task.process(batch, 0..<values.count, input: 0, output: output)
        #expect(task.dirty == 0)
        #expect(!task.isUrgent)
        return output
    }

    private func event(_ type: String, _ data: String) -> String {
        #"{"specversion":"1.0","id":"1","source":"s","type":"support.\#(type)","time":"2026-11-20T09:00:00Z","data":\#(data)}"#
    }

    @Test func anAnswerThatNobodyCanJudgeIsRefused() throws {
        let answer = event("survey.answered", #"{"survey_id":"s1","kind":"csat","score":5,"scale":[1,6]}"#)
        let refused = try run(task(), [answer])
        #expect(refused.sent.isEmpty && refused.rejected.count == 1)
        let ruled = try run(task(try Rules(parsing: "satisfied_from: {1-6: 5}")), [answer])
        #expect(ruled.sent.count == 1 && ruled.rejected == [])
        let usual = try run(task(), [answer.replacing("[1,6]", with: "[1,7]")])
        #expect(usual.sent.count == 1 && usual.rejected == [])
    }

    static let routes: [(type: String, data: String, topic: Int, key: String)] = [
        ("ticket.created", #"{"ticket_id":91}"#, 0, "91"),
        ("ticket.deleted", #"{"ticket_id":"T-1","reason":"spam"}"#, 0, "T-1"),
        ("event.voided", #"{"ticket_id":"T-1","voids":{"source":"s","id":"0"}}"#, 0, "T-1"),
        ("contact.queued", #"{"contact_id":"c1","channel":"phone"}"#, 1, "c1"),
        ("agent.state", #"{"agent_id":"A-1","state":"break"}"#, 1, "A-1"),
        ("survey.sent", #"{"survey_id":"s1","kind":"nps"}"#, 2, "s1"),
        ("feedback.received", #"{"feedback_id":"f1","channel":"social"}"#, 2, "f1"),
        ("customer.created", #"{"customer_id":"C-7"}"#, 3, "C-7"),
        ("purchase.completed", #"{"customer_id":"C-7","purchase_id":"p","amount":"9.90"}"#, 3, "C-7"),
        ("cost.recorded", #"{"period":"2026-11","amount":100}"#, 4, "2026-11"),
        ("event.voided", #"{"customer_id":"C-7","voids":{"source":"s","id":"0"}}"#, 3, "C-7"),
    ]

    @Test(arguments: routes.indices) func everyEventGoesToItsTopicAndPartition(_ index: Int) throws {
        let route = Self.routes[index]
        for partitions in [1, 4, 12] as [Int32] {
            let output = try run(task(partitions: partitions), [event(route.type, route.data)])
            #expect(output.rejected == [])
            #expect(output.sent.map(\.output) == [route.topic])
            #expect(output.sent.map(\.key) == [route.key])
            #expect(output.sent.map(\.partition) == [murmur2Partition(route.key, Int(partitions))])
            let value = try #require(
                JSONSerialization.jsonObject(with: Data(output.sent[0].value.utf8)) as? [String: Any])
            #expect(value["type"] as? String == "support.\(route.type)")
            #expect(value["time"] as? String == "2026-11-20T09:00:00.000000Z")
        }
    }

    @Test func partitionsAreThoseOfKafkasClients() {
        // Vectors of Kafka's UtilsTest.testMurmur2.
        #expect(murmur2Partition("21", 1 << 30) == (-973_932_308 & 0x7fff_ffff) % (1 << 30))
        #expect(murmur2Partition("foobar", 1 << 30) == (-790_332_482 & 0x7fff_ffff) % (1 << 30))
        #expect(murmur2Partition("a-little-bit-long-string", 1 << 30) == (-985_981_536 & 0x7fff_ffff) % (1 << 30))
    }

    static let faults: [(value: String, reason: String, pointer: String?)] = [
        ("{", "malformed_json", nil),
        ("", "malformed_json", nil),
        ("nonsense", "malformed_json", nil),
        (#"{"id":"1"}"#, "not_cloudevents", "/specversion"),
        (
            #"{"specversion":"1.0","id":"1","source":"s","type":"support.nothing","time":"2026-11-20T09:00:00Z","data":{}}"#,
            "unknown_type", "/type"
        ),
        (created().replacing(#""ticket_id":"91""#, with: #""x":1"#), "missing_field", "/data/ticket_id"),
        (created(data: #""initiator":"nobody""#), "invalid_field", "/data/initiator"),
        (created(data: #""customer_id":"\#(String(repeating: "x", count: 300 * 1_024))""#), "too_large", nil),
        (created(time: "1999-12-31T23:59:59Z"), "too_late", "/time"),
        (created(time: "2026-11-22T00:05:01Z"), "in_future", "/time"),
        ("[\(created()),{}]", "not_cloudevents", "/1/specversion"),
        ("[\(created())", "malformed_json", nil),
    ]

    @Test(arguments: faults.indices) func whatIsNoEventGoesToTheDeadLetters(_ index: Int) throws {
        let fault = Self.faults[index]
        let output = try run(task(), [created(ticket: "before"), fault.value, created(ticket: "after")])
        #expect(output.rejected == [.init(record: 1, reason: fault.reason, pointer: fault.pointer)])
        #expect(output.sent.first?.key == "before")
        #expect(output.sent.last?.key == "after")
    }

    @Test func aRecordWithoutValueIsRejected() throws {
        let output = CapturingOutput()
        try task().process(batch([nil]), 0..<1, input: 0, output: output)
        #expect(output.rejected.count == 1)
        #expect(output.sent.isEmpty)
    }

    @Test func theFutureIsJudgedByTheWallClockAndTheRules() throws {
        let rules = try Rules(parsing: "max_future: 1h")
        let value = created(time: "2026-11-22T00:59:59Z")
        #expect(try run(task(rules), [value]).rejected.isEmpty)
        #expect(try run(task(), [value]).rejected.map(\.reason) == ["in_future"])
        #expect(try run(task(), [value], at: fixtureNow + 3_600_000_000).rejected.isEmpty)
        // Before the first clock: by the record's own time.
        #expect(try run(task(), [value], at: nil).rejected.map(\.reason) == ["in_future"])
        #expect(try run(task(), [created()], at: nil).rejected.isEmpty)
    }

    @Test func anArrayIsManyEvents() throws {
        let output = try run(
            task(), ["  [\(created(ticket: "1")), \(created(ticket: "2"))]", "[]", "\t\(created(ticket: "3"))"])
        #expect(output.sent.map(\.key) == ["1", "2", "3"])
        #expect(output.rejected.isEmpty)
    }

    @Test func oneDeadLetterPerRecordNamesTheFirstFault() throws {
        let output = try run(task(), ["[{},\(created(ticket: "2")),{\"id\":1}]"])
        #expect(output.rejected == [.init(record: 0, reason: "not_cloudevents", pointer: "/0/specversion")])
        #expect(output.sent.map(\.key) == ["2"])
    }

    /// More events than are decoded at a time, in one record and over many.
    @Test func chunksLoseNothing() throws {
        let many = (0..<5_000).map { created(ticket: "\($0)") }
        let expected = (0..<5_000).map { "\($0)" }
        #expect(try run(task(), many).sent.map(\.key) == expected)
        #expect(try run(task(), ["[\(many.joined(separator: ","))]"]).sent.map(\.key) == expected)
        let broken = try run(task(), ["[\((many + ["{}"] + many + ["{}"]).joined(separator: ","))]"])
        #expect(broken.sent.map(\.key) == expected + expected)
        #expect(broken.rejected == [.init(record: 0, reason: "not_cloudevents", pointer: "/5000/specversion")])
    }

    @Test func onlyTheGivenRecordsAreProcessed() throws {
        let output = CapturingOutput()
        let values = (0..<4).map { Array(created(ticket: "\($0)").utf8) }
        try task().process(batch(values), 1..<3, input: 0, output: output)
        #expect(output.sent.map(\.key) == ["1", "2"])
    }

    @Test func binaryMode() throws {
        func headers(_ prefix: String) -> [Header] {
            [
                ("content-type", Array("application/json".utf8)), ("\(prefix)specversion", Array("1.0".utf8)),
                ("\(prefix)id", Array("1".utf8)), ("\(prefix)source", Array("s".utf8)),
                ("\(prefix)type", Array("support.ticket.created".utf8)),
                ("\(prefix)time", Array("2026-11-20T09:00:00Z".utf8)), ("\(prefix)sequence", Array("7".utf8)),
                ("other", nil),
            ]
        }
        let structured = try run(
            task(),
            [
                #"{"specversion":"1.0","id":"1","source":"s","type":"support.ticket.created","#
                    + #""time":"2026-11-20T09:00:00Z","sequence":7,"data":{"ticket_id":"91"}}"#
            ])
        for prefix in ["ce_", "CE_", "ce-"] {
            let output = try run(task(), [#"{"ticket_id":"91"}"#], headers: headers(prefix))
            #expect(output.sent == structured.sent)
        }
        let incomplete = try run(
            task(), [#"{"ticket_id":"91"}"#], headers: headers("ce_").filter { $0.name != "ce_type" })
        #expect(incomplete.rejected == [.init(record: 0, reason: "missing_field", pointer: "/type")])
        // Headers that have nothing to do with CloudEvents make no binary mode.
        #expect(try run(task(), [created()], headers: [("trace", Array("x".utf8))]).sent.count == 1)
    }

    @Test func membersWithoutANameAreDropped() throws {
        let value = created(data: #""name":"Jane","priority":"Urgent","order":{"n":1}"#)
        let sent = try run(task(), [value]).sent[0].value
        #expect(!sent.contains("Jane"))
        #expect(!sent.contains("order"))
        #expect(sent.contains(#""priority":"urgent""#))
        let kept = try run(task(Rules(parsing: "keep_unknown: [order]")), [value]).sent[0].value
        #expect(kept.contains(#""order":{"n":1}"#))
        #expect(!kept.contains("Jane"))
    }

    @Test func commentsAreDroppedUnlessKept() throws {
        let value = event("survey.answered", #"{"survey_id":"s1","kind":"csat","score":5,"comment":"call 555-1234"}"#)
        #expect(try !run(task(), [value]).sent[0].value.contains("555"))
        #expect(try run(task(Rules(parsing: "keep_comments: true")), [value]).sent[0].value.contains("call 555-1234"))
    }

    @Test func aliasesOfTheRulesFile() throws {
        let rules = try Rules(
            parsing: "priority_aliases: {p1: urgent, HÖCHSTE: urgent}\nstatus_aliases: {Waiting: on_hold}")
        for alias in ["P1", "p1", "höchste"] {
            #expect(
                try run(task(rules), [created(data: #""priority":"\#(alias)""#)]).sent[0].value.contains(
                    #""priority":"urgent""#))
        }
        let change = event("ticket.status_changed", #"{"ticket_id":"1","status":"waiting"}"#)
        #expect(try run(task(rules), [change]).sent[0].value.contains(#""status":"on_hold""#))
        #expect(
            try run(task(), [change]).rejected == [.init(record: 0, reason: "invalid_field", pointer: "/data/status")])
    }

    @Test func currenciesWithoutARate() throws {
        func purchase(_ currency: String) -> String {
            event(
                "purchase.completed",
                #"{"customer_id":"C","purchase_id":"p","amount":"9.90","currency":"\#(currency)"}"#)
        }
        let rules = try Rules(parsing: "currency: EUR\nrates: {USD: 0.92}")
        #expect(try run(task(rules), ["EUR", "usd", "CHF"].map(purchase)).rejected.map(\.record) == [2])
        let rejected = try run(task(rules), [purchase("CHF")]).rejected
        #expect(rejected == [.init(record: 0, reason: "unsupported_currency", pointer: "/data/currency")])
        #expect(try run(task(), [purchase("CHF")]).rejected.isEmpty)
    }

    @Test func pseudonyms() throws {
        // printf 'C-7' | openssl dgst -sha256 -hmac 0123456789abcdef
        let pseudonym = Self.opensslPseudonym
        let both = Pseudonymizer(key: Array("0123456789abcdef".utf8), members: ["customer_id", "agent_id"])
        let customer = event("customer.created", #"{"customer_id":"C-7"}"#)
        let ticket = created(data: #""customer_id":"C-7","agent_id":"C-7""#)
        let output = try run(task(pseudonymizer: both), [customer, ticket])
        #expect(output.sent[0].key == pseudonym)
        #expect(output.sent[0].partition == murmur2Partition(pseudonym, 12))
        #expect(output.sent[0].value.contains(#""customer_id":"\#(pseudonym)""#))
        #expect(output.sent[1].key == "91")
        #expect(output.sent[1].value.contains(#""agent_id":"\#(pseudonym)""#))
        for sent in output.sent { #expect(!sent.value.contains("C-7")) }

        let agents = Pseudonymizer(key: Array("0123456789abcdef".utf8), members: ["agent_id"])
        let state = event("agent.state", #"{"agent_id":"C-7","state":"offline"}"#)
        let half = try run(task(pseudonymizer: agents), [customer, ticket, state])
        #expect(half.sent[0].key == "C-7")
        #expect(half.sent[1].value.contains(#""customer_id":"C-7""#))
        #expect(half.sent[2].key == pseudonym)
        #expect(!half.sent[2].value.contains("C-7"))
        // Members without a name may carry the same ids.
        let kept = try run(
            task(Rules(parsing: "keep_unknown: [copy]"), pseudonymizer: agents), [created(data: #""copy":"C-7""#)])
        #expect(!kept.sent[0].value.contains("C-7"))
        // A cleared member stays cleared.
        let cleared = try run(
            task(pseudonymizer: both), [event("ticket.updated", #"{"ticket_id":"1","agent_id":null}"#)])
        #expect(cleared.sent[0].value.contains(#""agent_id":null"#))
    }

    static let opensslPseudonym = "c1e9b2ff056415ec20a3a26c8dd881e8"

    @Test func pseudonymsNeedAKey() throws {
        let rules = try Rules(parsing: "agents: pseudonymous")
        #expect(try IngestDefinition.pseudonymizer(.default, keyFile: nil) == nil)
        func refusal(_ file: String?) throws -> String {
            try #require(throws: SettingsError.self) { _ = try IngestDefinition.pseudonymizer(rules, keyFile: file) }
                .description
        }
        #expect(try refusal(nil).contains("there is no key"))
        #expect(try refusal("/nonexistent").contains("cannot be read"))
        let file = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("short\n".utf8).write(to: file)
        #expect(try refusal(file.path).contains("shorter than 16 bytes"))
        try Data("0123456789abcdef\n".utf8).write(to: file)
        let pseudonymizer = try #require(try IngestDefinition.pseudonymizer(rules, keyFile: file.path))
        #expect(String(decoding: pseudonymizer.pseudonym(Array("C-7".utf8)), as: UTF8.self) == Self.opensslPseudonym)
    }

    @Test func canonicalEventsAreFixedPoints() throws {
        let first = try run(task(), Self.routes.map { event($0.type, $0.data) })
        let again = try run(task(), first.sent.map(\.value))
        #expect(again.sent == first.sent)
    }

    @Test(arguments: 0..<8) func mutilatedEventsNeverCrashAndAreNeverLost(_ run: Int) throws {
        let seed = UInt64(run) &* 7_919 &+ 17
        var random = SeededGenerator(seed: seed)
        let originals = Self.routes.map { event($0.type, $0.data) } + ["[\(created()),\(created())]"]
        var values: [[UInt8]] = []
        for _ in 0..<500 {
            var value = Array((originals.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 0...4, using: &random) where !value.isEmpty {
                let index = Int.random(in: 0..<value.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: value[index] = UInt8.random(in: 0...255, using: &random)
                case 1: value.remove(at: index)
                case 2: value.insert(contentsOf: value.prefix(Int.random(in: 0...20, using: &random)), at: index)
                default: value.removeSubrange(index...)
                }
            }
            values.append(value)
        }
        let output = CapturingOutput()
        try task().process(batch(values.map { $0 }), 0..<values.count, input: 0, output: output)
        // Each record has left a trace: forwarded or rejected, once rejected at most.
        let rejected = output.rejected.map(\.record)
        #expect(Set(rejected).count == rejected.count, "seed \(seed)")
        let alone = try values.enumerated().map { index, value in
            let single = CapturingOutput()
            try task().process(batch([value]), 0..<1, input: 0, output: single)
            let isEmptyArray = String(decoding: value, as: UTF8.self).filter { !$0.isWhitespace } == "[]"
            #expect(!single.sent.isEmpty || !single.rejected.isEmpty || isEmptyArray, "seed \(seed), value \(index)")
            return (single.sent, single.rejected)
        }
        #expect(output.sent == alone.flatMap(\.0), "seed \(seed)")
        #expect(rejected == alone.indices.filter { !alone[$0].1.isEmpty }, "seed \(seed)")
        for reason in output.rejected.map(\.reason) { #expect(RejectionReason(identifier: reason) != nil) }
    }

    @Test func theStageNamesItsTopics() throws {
        let options = try ServiceOptions.parse([
            "--bootstrap-servers", "b:1", "--partitions", "4", "--topic-prefix", "t.", "--internal-prefix", "i.",
        ])
        let settings = try ServiceSettings(options, service: "ingest", environment: [:])
        let stage = try TransformStage.definition(settings, rules: .default, pseudonymizer: nil)
        #expect(stage.group == "i.ingest-transform")
        #expect(stage.inputs.map(\.name) == ["t.inbound"])
        #expect(stage.outputs.map(\.name) == ["t.tickets", "t.contacts", "t.surveys", "t.customers", "t.finance"])
        #expect(stage.outputs.allSatisfy { $0.partitions == 4 })
        #expect(stage.deadLetterTopic?.name == "t.deadletter")
        #expect(!stage.hasChangelog)
    }
}
