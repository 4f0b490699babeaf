import Foundation
import ServiceKit
import Subprocess
import TestSupport
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Random lives of tickets and contacts, judged by recomputations in another language: every window, rolling ones included, of
/// every cell. One after another: each keeps a thread busy for seconds.
@Suite(.serialized) struct ReferenceTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Reference")

    /// How many times as many tickets: `DESKBEAT_SECOND_OPINION=10` looks harder.
    private static let effort =
        ProcessInfo.processInfo.environment["DESKBEAT_SECOND_OPINION"].flatMap { Int($0) } ?? 1

    private func python(_ script: String, _ arguments: [String]) async throws -> String {
        let path = Self.folder.appendingPathComponent(script).path
        let result = try await Subprocess.run(
            .name("python3"), arguments: Arguments([path] + arguments), input: .none, output: .string(limit: 1 << 28),
            error: .string(limit: 1 << 20))
        return result.standardOutput + result.standardError
    }

    /// Writes events and published updates down and has the script compare them.
    private func judge(
        _ script: String, _ events: String, _ pipeline: Pipeline, _ arguments: [String]
    ) async throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reference-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["events.ndjson", "kpis.ndjson"].map { folder.appendingPathComponent($0) }
        try events.write(to: paths[0], atomically: true, encoding: .utf8)
        try pipeline.lines().write(to: paths[1], atomically: true, encoding: .utf8)
        let now = Date(timeIntervalSince1970: Double(pipeline.now) / 1e6).formatted(.iso8601)
        return try await python(script, paths.map(\.path) + ["--now", now] + arguments)
    }

    private static let combinations =
        "channel,priority,category,team,tier,segment,tag,queue,subcategory,team+priority,tag+channel"

    private static let breakdowns = "breakdowns: [tag, queue, subcategory, [team, priority], [channel, tag]]\n"

    /// Rules, what tells the references the same, and how many days after the first event it is.
    static let settings: [(rules: String, arguments: [String], breakdowns: [String], days: Int64)] = [
        ("", [], [], 41),
        (
            "denominator: offered\nshort_abandon: 0s\nservice_level: 5s\nrepeat_window: 3d\nrepeat_scope: customer\n"
                + breakdowns,
            [
                "--denominator", "offered", "--short-abandon", "0", "--within", "5", "--repeat-days", "3",
                "--repeat-scope", "customer",
            ],
            ["--breakdowns", combinations], 100
        ),
        (
            "denominator: answered\ntimezone: Asia/Jerusalem\n",
            ["--denominator", "answered", "--zone", "Asia/Jerusalem"],
            [], 64
        ),
    ]

    @Test(arguments: settings.indices) func contacts(number: Int) async throws {
        let (rules, options, breakdowns, days) = Self.settings[number]
        let seed = Int.random(in: 0..<1_000_000)
        let events = try await python(
            "contact_kpis.py", ["--generate", String(seed), "--tickets", String(30 * Self.effort)])
        var random = SeededGenerator(seed: UInt64(seed))
        let pipeline = try Pipeline(
            Rules(parsing: "history: 100y\n" + rules), partitions: 3,
            now: (TicketEvent.epoch + days * 86_400) * 1_000_000)
        let lines = events.split(separator: "\n")
        #expect(lines.count > 150)
        for line in (lines + lines.prefix(300)).shuffled(using: &random) { try pipeline.send(line: String(line)) }
        try pipeline.drain(records: 300)
        #expect(pipeline.dead.isEmpty)
        for (script, more) in [("contact_kpis.py", breakdowns), ("workforce_kpis.py", [])] {
            let verdict = try await judge(script, events, pipeline, options + more)
            #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(script), seed \(seed): \(verdict)")
            #expect(!verdict.hasPrefix("0 values"))
        }
    }

    /// Zones with a clock change within the events' time: Lord Howe's is half an hour, Azores' is at local midnight.
    @Test(arguments: [
        ("UTC", ""), ("Europe/Berlin", breakdowns), ("Australia/Lord_Howe", ""),
        (
            "Atlantic/Azores",
            "business_calendar: office\ncalendars: {office: {week: {mon-wed: [\"09:00-17:30\"], thu: [\"09:00-20:00\"], "
                + "fri: [\"09:00-17:30\"]}}}\n"
        ),
    ]) func tickets(zone: String, rules: String) async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        var generator = OrderFreedomTests.Generator(random: SeededGenerator(seed: seed))
        let now = (TicketEvent.epoch + 130 * 86_400) * 1_000_000
        let arrivals = generator.events(tickets: 20 * Self.effort)
            .filter { $0.event.at + TicketEvent.epoch * 1_000_000 < now }
        let pipeline = try Pipeline(
            Rules(parsing: "history: 100y\ntimezone: \(zone)\n" + rules), partitions: 3, now: now)
        for arrival in arrivals.shuffled(using: &generator.random) { pipeline.send(arrival) }
        try pipeline.drain(records: 300)
        #expect(pipeline.dead.isEmpty)
        let events = arrivals.filter { !$0.isContact }
            .map { String(decoding: $0.event.json(ticket: $0.entity), as: UTF8.self) }.joined(separator: "\n")
        let verdict = try await judge(
            "ticket_kpis.py", events, pipeline,
            ["--zone", zone] + (rules == Self.breakdowns ? ["--breakdowns", Self.combinations] : [])
                + (rules.hasPrefix("business") ? ["--business"] : []))
        #expect(verdict.hasSuffix(" values, 0 differences\n"), "seed \(seed): \(verdict)")
        #expect(!verdict.hasPrefix("0 values"))
    }
}
