import Foundation
import ServiceKit
import Testing

/// Random lives of tickets and contacts, judged by recomputations in another language.
@Suite struct ReferenceTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Reference")

    private func python(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", Self.folder.appendingPathComponent(script).path] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// Minutes of work in a debug build, so that it is asked for.
    private static let isAskedFor = ProcessInfo.processInfo.environment["DESKBEAT_SECOND_OPINION"] != nil

    @Test(
        .enabled(if: isAskedFor, "set DESKBEAT_SECOND_OPINION"),
        arguments: [
            ("", []),
            (
                "denominator: offered\nshort_abandon: 0s\nservice_level: 5s\nrepeat_window: 3d\nrepeat_scope: customer\n",
                [
                    "--denominator", "offered", "--short-abandon", "0", "--within", "5", "--repeat-days", "3",
                    "--repeat-scope", "customer",
                ]
            ),
            (
                "denominator: answered\ntimezone: Asia/Jerusalem\n",
                ["--denominator", "answered", "--zone", "Asia/Jerusalem"]
            ),
        ]) func theSecondOpinionAgrees(rules: String, options: [String]) throws
    {
        let seed = Int.random(in: 0..<1_000_000)
        let events = try python("contact_kpis.py", ["--generate", String(seed)])
        var random = SeededRandom(seed: UInt64(seed))
        let pipeline = try Pipeline(
            Rules(parsing: "history: 100y\n" + rules), partitions: 3,
            now: (TicketEvent.epoch + 41 * 86_400) * 1_000_000)
        let lines = events.split(separator: "\n")
        for line in (lines + lines.prefix(500)).shuffled(using: &random) { try pipeline.send(line: String(line)) }
        try pipeline.drain(records: 300)
        #expect(pipeline.dead.isEmpty)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("contacts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["events.ndjson", "kpis.ndjson"].map { folder.appendingPathComponent($0) }
        try events.write(to: paths[0], atomically: true, encoding: .utf8)
        try pipeline.lines().write(to: paths[1], atomically: true, encoding: .utf8)
        let now = ["--now", "2026-02-15T00:00:00Z"]
        let verdict = try python("contact_kpis.py", paths.map(\.path) + now + options)
        #expect(verdict.hasSuffix(" values, 0 differences\n"), "seed \(seed): \(verdict)")
        #expect(!verdict.hasPrefix("0 values"))
    }
}
