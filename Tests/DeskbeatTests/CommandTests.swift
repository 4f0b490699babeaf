import Deskbeat
import Foundation
import Kafka
import Logging
import Testing

/// The commands as processes, against the local broker as a process.
@Suite(.timeLimit(.minutes(2)), .serialized) final class CommandTests {
    private static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "deskbeat").path

    private struct Outcome {
        var status: Int32
        var output: String
        var error: String
    }

    private let broker: Process
    private let servers: String
    private let directory: TemporaryDirectory

    init() async throws {
        directory = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["broker", "--port", "0", "--data-dir", directory.path + "/broker", "--log-level", "error"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        broker = process
        let line = try await BlockingWork("test").run { pipe.fileHandleForReading.availableData }
        servers = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .newlines)
        try #require(servers.hasPrefix("127.0.0.1:"))
    }

    deinit { broker.terminate() }

    private func run(_ arguments: [String], input: String = "", with further: [String: String] = [:]) async throws
        -> Outcome
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = arguments
        process.environment = [
            "KAFKA_BOOTSTRAP_SERVERS": servers, "DESKBEAT_PARTITIONS": "3", "PATH": "/usr/bin:/bin",
            "HOME": directory.path,
        ].merging(further) { $1 }
        // Files, not pipes: nobody has to read while the process writes.
        let (output, error) = (directory.path + "/out-\(UUID())", directory.path + "/err-\(UUID())")
        for path in [output, error] { _ = try directory.file((path as NSString).lastPathComponent) }
        process.standardInput = FileHandle(forReadingAtPath: try directory.file("in-\(UUID())", input))
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: error)
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { process in
                continuation.resume(
                    with: Result {
                        Outcome(
                            status: process.terminationStatus,
                            output: try String(contentsOfFile: output, encoding: .utf8),
                            error: try String(contentsOfFile: error, encoding: .utf8))
                    })
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }

    @Test func replaySendsEveryEventOnce() async throws {
        var helpdesk = SampleHelpdesk(now: 1_795_000_000_000_000, seed: 3)
        let lines = helpdesk.events(tickets: 300, hours: 24).map { String(decoding: $0.json, as: UTF8.self) }
        let replayed = try await run(["replay", "-"], input: lines.joined(separator: "\n"))
        #expect(replayed.status == 0, "\(replayed.error)")
        #expect(
            replayed.error.contains("\(Humanise.count(lines.count)) events of \(Humanise.count(lines.count)) rows sent")
        )
        let records = try await read("support.inbound", partitions: 3)
        #expect(records.map(\.value).sorted() == lines.sorted())
        // One ticket is in one partition, in the order of the file.
        for record in records { #expect(record.value.contains(#""ticket_id":"\#(record.key)""#)) }
        var order: [String: [String]] = [:]
        for record in records { order[record.key, default: []].append(record.value) }
        let expected = Dictionary(grouping: lines) { line in
            String(line.split(separator: #""ticket_id":""#)[1].prefix { $0 != "\"" })
        }
        #expect(order == expected)
    }

    @Test func rejectedRowsAreReportedAndFail() async throws {
        let file = try directory.file("a.csv", "id,at\n1,2026-01-01\n2,never\n")
        let mapping = try directory.file(
            "m.yaml", "source: s\ntype: support.ticket.created\ntime: at\ndata: {ticket_id: id}\n")
        let rehearsed = try await run(["replay", file, "--mapping", mapping, "--dry-run"])
        #expect(rehearsed.status == 1)
        #expect(
            rehearsed.output.contains("rejected row 2 (line 3), column at: \"never\" is no time of the form \"iso\""))
        #expect(rehearsed.output.contains(#""ticket_id":"1""#))
        let printed = try await run(["replay", file, "--mapping", mapping, "--print"])
        #expect(printed.status == 1)
        #expect(printed.output.split(separator: "\n").count == 1)
        #expect(printed.error.contains("1 rows rejected"))
        // The dry run asks ingest's own decoder, too.
        let invalid = try directory.file(
            "b.ndjson",
            #"{"specversion":"1.0","id":"1","source":"s","type":"support.nothing","time":"2026-01-01T00:00:00Z","data":{}}"#
        )
        let judged = try await run(["replay", invalid, "--dry-run"])
        #expect(judged.status == 1)
        #expect(judged.output.contains("rejected line 1: unknown_type"))
    }

    @Test func topicsAreCreatedAndIdlenessIsJudged() async throws {
        let missing = try await run(["wait-idle", "--timeout", "0"])
        #expect(missing.status == 1)
        #expect(missing.error.contains("there is no topic support.inbound"))
        let created = try await run(["topics", "--create"])
        #expect(created.status == 0, "\(created.error)")
        #expect(created.error.contains("created support.alerts"))
        #expect(!created.output.contains("missing"))
        #expect(try await run(["wait-idle", "--timeout", "0"]).status == 0)
        _ = try await run(["replay", "-"], input: #"{"type":"support.ticket.created","data":{"ticket_id":"1"}}"#)
        let behind = try await run(["wait-idle", "--timeout", "0.2"])
        #expect(behind.status == 1)
        #expect(behind.error.contains("ingest/transform  support.inbound"))
        let examined = try await run(["doctor"])
        #expect(examined.status == 0, "\(examined.output)")
        #expect(examined.output.contains("ok    round trip"))
    }

    @Test func theCommandsThatCreateTopicsArePrinted() async throws {
        let printed = try await run(["topics", "--print", "--partitions", "6", "--bootstrap-servers", "127.0.0.1:1"])
        #expect(printed.status == 0, "\(printed.error)")
        let lines = printed.output.split(separator: "\n")
        _ = try await run(["topics", "--create"])
        let created = try await run(["topics"])
        for line in created.output.split(separator: "\n").dropFirst() {
            let name = try #require(line.split(separator: " ").first)
            let commands = lines.filter { $0.contains(" --topic \(name) ") }
            #expect(commands.count == 1, "\(name)")
            #expect(commands.first?.contains("--replication-factor 3 ") == true)
            #expect(commands.first?.contains("--config min.insync.replicas=2") == true)
        }
        #expect(lines.contains { $0.contains("--topic support.tickets --partitions 6 ") })
        #expect(lines.contains { $0.contains("--topic deskbeat.clocks --partitions 1 ") })
    }

    @Test func theCommandsThatGiveRightsArePrinted() async throws {
        let printed = try await run(["acls", "--service", "ticketing", "--principal", "User:CN={service}"])
        #expect(printed.status == 0, "\(printed.error)")
        let lines = printed.output.split(separator: "\n").map(String.init)
        let start = #"kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --add --allow-principal 'User:CN=ticketing' "#
        #expect(lines.allSatisfy { $0.hasPrefix(start) })
        let rights = lines.map { $0.dropFirst(start.count) }
        #expect(
            rights.contains(
                "--operation Read --operation Create --operation Describe --operation DescribeConfigs --topic 'support.tickets'"
            ))
        #expect(
            rights.contains(
                "--operation Write --operation Describe --transactional-id 'deskbeat.ticketing-' --resource-pattern-type prefixed"
            ))
        // Of what it only reads it may not write a record.
        #expect(!rights.contains { $0.contains("Write") && $0.contains("support.tickets") })
        let fixed = try await run(["acls", "--create-topics", "never", "--topic-prefix", "desk"])
        #expect(fixed.output.contains("--topic 'desk.inbound'"))
        #expect(
            fixed.output.split(separator: "\n").filter { $0.contains("Create") }.allSatisfy { $0.contains("doctor") })
        #expect(try await run(["acls", "--service", "billing"]).status != 0)
    }

    @Test func aSecretFileThatCannotBeReadIsSaidAndNotSkipped() async throws {
        let listed = try await run(["topics"], with: ["KAFKA_SASL_PASSWORD_FILE": directory.path + "/none"])
        #expect(listed.status != 0)
        #expect(listed.error.contains("KAFKA_SASL_PASSWORD_FILE: the file"))
    }

    @Test func kpisAreTheLatestCommittedUpdates() async throws {
        _ = try await run(["topics", "--create"])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = KafkaConfiguration(bootstrapServers: servers, clientID: "test")
        @Sendable func update(_ value: Int, _ revision: Int) -> String {
            #"{ "type":"deskbeat.kpi.updated", "data":{"unit":"count","window":{"kind":"day","start":"2026-11-22T00:00:00Z"},"value":\#(value),"revision":\#(revision)}}"#
        }
        let (servers, key) = (servers, "volume/day@2026-11-22")
        try await BlockingWork("test").run {
            let producer = try TransactionalProducer(
                configuration: configuration, transactionalID: "test", logger: logger)
            try producer.initTransactions(.after(.seconds(20)))
            let topic = try producer.topic("support.alerts")
            func send(_ records: [(key: String, value: String, type: String)], commits: Bool) throws {
                try producer.begin()
                for record in records {
                    let (key, value) = (Array(record.key.utf8), Array(record.value.utf8))
                    try producer.send(
                        to: topic, partition: 1, key: unsafe key.span.bytes, value: unsafe value.span.bytes,
                        headers: [("ce_type", Array(record.type.utf8))])
                }
                if commits {
                    try producer.commit(.after(.seconds(20)))
                } else {
                    try producer.abort(.after(.seconds(20)))
                }
            }
            let kpi = "deskbeat.kpi.updated"
            try send(
                [
                    (key, update(1, 1), kpi), (key, update(2, 2), kpi),
                    ("volume/day;channel=email@2026-11-22", update(7, 1), kpi),
                ], commits: true)
            try send(
                [("ticket/1/first_response/1/breached", #"{"type":"deskbeat.sla.breached"}"#, "deskbeat.sla.breached")],
                commits: true)
            try send([(key, update(99, 3), kpi)], commits: false)
            try producer.close(.after(.seconds(10)))
        }
        let json = try await run(["kpis", "--format", "json", "--kpi", "volume"])
        #expect(json.output == update(7, 1) + "\n" + update(2, 2) + "\n", "\(servers) \(json.error)")
        let cell = try await run(["kpis", "--format", "json", "--cell", "channel=email"])
        #expect(cell.output == update(7, 1) + "\n")
        let table = try await run(["kpis"])
        #expect(table.output.split(separator: "\n").count == 2)
        #expect(table.output.contains("volume"))
        #expect(try await run(["kpis", "--window", "week"]).status == 1)
        #expect(try await run(["alerts"]).output == #"{"type":"deskbeat.sla.breached"}"# + "\n")
        #expect(try await run(["alerts", "--all"]).output.split(separator: "\n").count == 4)
    }

    private func read(_ topic: String, partitions: Int32) async throws -> [(key: String, value: String)] {
        let configuration = KafkaConfiguration(bootstrapServers: servers, clientID: "test")
        return try await BlockingWork("test").run {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let consumer = try KafkaConsumer(configuration: configuration, logger: logger)
            defer { try? consumer.close(.after(.seconds(5))) }
            let places = (0..<partitions).map { TopicPartition(topic: topic, partition: $0) }
            try consumer.assign(Dictionary(uniqueKeysWithValues: places.map { ($0, KafkaConsumer.beginning) }))
            let batch = RecordBatch()
            var unfinished = Set(places)
            var records: [(String, String)] = []
            let deadline = Deadline.after(.seconds(30))
            while !unfinished.isEmpty, !deadline.isExpired {
                try consumer.poll(into: batch, timeout: .seconds(1))
                for index in batch.records.indices {
                    records.append(
                        (
                            String(decoding: batch.key(index) ?? [], as: UTF8.self),
                            String(decoding: batch.value(index) ?? [], as: UTF8.self)
                        ))
                }
                for end in batch.endsOfPartition { unfinished.remove(end.topicPartition) }
            }
            return records
        }
    }

    @Test func rulesAreCheckedBeforeTheyAreUsed() async throws {
        let good = directory.path + "/good.yaml"
        try "policies: [{id: a, calendar: c, metrics: {resolution: {target: 1h}}}]\ncalendars: {c: {always: true}}\n"
            .write(toFile: good, atomically: true, encoding: .utf8)
        let accepted = try await run(["rules", "check", good])
        #expect(accepted.status == 0 && accepted.output.contains("1 calendars, 1 policies"))
        let bad = directory.path + "/bad.yaml"
        try "timezone: UTC\npolicies: [{id: a, calendar: d, metrics: {resolution: {target: 1h}}}]\n"
            .write(toFile: bad, atomically: true, encoding: .utf8)
        let refused = try await run(["rules", "check", bad])
        #expect(refused.status != 0 && refused.error.contains("bad.yaml:2:"))
        #expect(refused.error.contains("there is no calendar \"d\""))
    }

    @Test func aTicketsVerdictsAreExplained() async throws {
        let rules = directory.path + "/rules.yaml"
        try
            "policies: [{id: a, calendar: c, metrics: {first_response: {target: 10m, warn: [50%]}}}]\ncalendars: {c: {always: true}}\n"
            .write(toFile: rules, atomically: true, encoding: .utf8)
        let create = try await run(["topics", "--create"])
        try #require(create.status == 0, "\(create.error)")
        func event(_ id: String, _ type: String, _ time: String, _ data: String) -> String {
            """
            {"specversion":"1.0","id":"\(id)","source":"s","type":"support.ticket.\(type)","time":"2026-01-05T\(time)Z",\
            "data":{"ticket_id":"T-1"\(data)}}
            """
        }
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: servers, clientID: "test"),
            logger: Logger(label: "test"))
        for event in [
            event("1", "created", "09:00:00", ""),
            event("2", "message", "09:12:00", #","author":"agent","agent_id":"A""#),
        ] {
            _ = try await producer.send(
                OutgoingRecord(
                    topic: "support.tickets", partition: Partitioner.partition(key: Array("T-1".utf8), count: 3),
                    key: Array("T-1".utf8), value: Array(event.utf8)))
        }
        let explained = try await run(["sla", "explain", "T-1", "--rules", rules])
        #expect(explained.status == 0, "\(explained.error)")
        for part in [
            "support.ticket.created", "a, calendar c", "breached at 2026-01-05T09:10:00", "fulfilled late",
            "warning-50",
            "target    600 s, used 720 s",
        ] { #expect(explained.output.contains(part), "\(explained.output)") }
        let unknown = try await run(["sla", "explain", "T-2", "--rules", rules])
        #expect(unknown.status != 0 && unknown.error.contains("T-2"))
    }
}
