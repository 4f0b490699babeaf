import ArgumentParser
import FoundationEssentials
import Kafka
import ServiceKit
import Streams

/// `deskbeat replay`.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Feed events from a file into support.inbound.",
        discussion: """
            FILE holds CloudEvents, one a line (NDJSON), or a table (CSV, TSV) together with a mapping file; either may be \
            compressed with gzip; "-" is standard input. The same file may be replayed again: its events keep their ids, and \
            duplicates have no effect.

            Examples:
              deskbeat replay events.ndjson
              deskbeat replay incidents.csv.gz --mapping deploy/mappings/uci-incident-log.yaml --dry-run
              deskbeat sample | deskbeat replay - --speed 60
            """)

    @Argument(help: "The file, or - for standard input.")
    var file: String

    @Option(name: .shortAndLong, help: "How the rows of a table become events (YAML).")
    var mapping: String?

    @Option(help: "max, realtime, or a factor: 60 plays an hour in a minute.")
    var speed = ReplaySpeed.max

    @Option(help: "Keep the progress in this file, and go on from there.")
    var stateFile: String?

    @Flag(help: "Send nothing; show the first events and every row that would be rejected.")
    var dryRun = false

    @Flag(name: .customLong("print"), help: "Print the events instead of sending them.")
    var prints = false

    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        if stateFile != nil, dryRun || prints || file == "-" {
            throw ValidationError("--state-file goes with a file that is sent.")
        }
    }

    func run() async throws {
        let input = try ReplayInput(path: file, mapping: mapping)
        if dryRun { return try await rehearse(input) }
        let start = try stateFile.map { try ReplayState.resume(from: $0, input: input.identity) }
        if let start, start.finished {
            Console.error.line("\(file) has been replayed already (\(Humanise.count(start.rows)) rows)")
            return
        }
        let summary =
            if prints {
                try await replay(input, to: PrintingSink(), from: 0)
            } else {
                try await send(input, from: start?.rows ?? 0)
            }
        Console.error.line(summary.text(prints ? "printed" : "sent"))
        if summary.rejected > 0 { throw ExitCode.failure }
    }

    private func replay(_ input: ReplayInput, to sink: any EventSink, from row: Int) async throws -> ReplaySummary {
        var replay = Replay(input: input, sink: sink, speed: speed, stateFile: stateFile)
        return try await replay.run(from: row)
    }

    private func send(_ input: ReplayInput, from row: Int) async throws -> ReplaySummary {
        let topic = cluster.topics.inbound
        let configuration = try cluster.configuration()
        let admin = try KafkaAdmin(configuration: configuration, logger: cluster.logger)
        try await MissingTopics.ensure(
            [.inbound(topic, partitions: cluster.partitions(nil))], admin, .after(.seconds(15)))
        try await admin.close(.after(.seconds(5)))
        let producer = try KafkaProducer(configuration: configuration, logger: cluster.logger)
        let summary = try await replay(input, to: KafkaSink(producer, topic: topic), from: row)
        try await producer.close(.after(.seconds(10)))
        return summary
    }

    private func rehearse(_ input: ReplayInput) async throws {
        let shown = 5
        let output = Console.output
        var summary = ReplaySummary()
        var progress = Progress()
        let judge = EventJudge(now: Int64(Date().timeIntervalSince1970 * 1_000_000))
        var more = true
        while more {
            let portion = try await input.next()
            more = portion.more
            for event in portion.batch.events.prefix(max(0, shown - summary.events)) {
                output.line(String(decoding: event.value, as: UTF8.self))
            }
            var batch = portion.batch
            batch.rejected += judge.refused(batch.events)
            summary.add(batch)
            if !batch.rejected.isEmpty { progress.clear() }
            for row in batch.rejected { output.line(output.styled("rejected ", .red) + row.description) }
            progress.show(fraction: portion.fraction, count: summary.rows, noun: "rows")
        }
        progress.clear()
        summary.seconds = progress.elapsed
        Console.error.line(summary.text("would be sent"))
        if summary.rejected > 0 { throw ExitCode.failure }
    }
}
