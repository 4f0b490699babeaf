import Foundation
import LocalBroker
import Logging
import Testing

/// Other people's clients against the broker: kcat (librdkafka 2.0.2, Debian), and confluent-kafka, kafka-python and aiokafka from PyPI.
///
/// Needs kcat, python3 and, once, PyPI (the packages are kept in the user's cache folder). Where one is missing the test fails and says
/// so; set DESKBEAT_SKIP_CLIENT_CONFORMANCE=1 where that is known.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["DESKBEAT_SKIP_CLIENT_CONFORMANCE"] != "1"))
struct ClientConformanceTests {
    private struct Outcome: Sendable {
        var status: Int32
        var output: String
    }

    private struct Unavailable: Error, CustomStringConvertible { var description: String }

    private static func run(_ program: String, _ arguments: [String], input: String? = nil) async throws -> Outcome {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        // Files, not pipes: nobody has to read while the program runs.
        let output = folder.path + "/output"
        try Data().write(to: URL(fileURLWithPath: output))
        try Data((input ?? "").utf8).write(to: URL(fileURLWithPath: folder.path + "/input"))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.path + "/input"))
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        return Outcome(
            status: status, output: String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self))
    }

    private static let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Conformance").path

    /// The interpreter of a virtual environment with the clients in it.
    private static func python() async throws -> String {
        let cache = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
        let folder = cache + "/deskbeat/client-conformance"
        let outcome = try await run("sh", [programs + "/prepare.sh", folder])
        guard outcome.status == 0 else {
            throw Unavailable(
                description: """
                    the Python clients could not be installed (PyPI unreachable?), so nothing was tested: \(outcome.output); set \
                    DESKBEAT_SKIP_CLIENT_CONFORMANCE=1 where that is known
                    """)
        }
        return folder + "/bin/python"
    }

    /// Runs against the broker that `KAFKA_BOOTSTRAP_SERVERS` names, or else one of its own.
    private func withBroker(_ body: (_ bootstrapServers: String) async throws -> Void) async throws {
        if let servers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"], !servers.isEmpty {
            return try await body(servers)
        }
        let folder = try TemporaryFolder()
        var configuration = testConfiguration(folder)
        configuration.createsTopicsAutomatically = true
        let broker = try await LocalBroker.start(
            configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await body(broker.bootstrapServers)
        } catch {
            try await broker.shutdown()
            throw error
        }
        try await broker.shutdown()
    }

    @Test(.timeLimit(.minutes(5)), arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func kcat(codec: String) async throws {
        try await withBroker { servers in
            let topic = "kcat-\(codec)-\(UUID().uuidString)"
            let lines = (0..<1000).map { "key\($0):value \($0)\n" }.joined()
            let produced = try await Self.run(
                "kcat", ["-b", servers, "-t", topic, "-P", "-K:", "-X", "compression.codec=\(codec)"],
                input: lines)
            #expect(produced.status == 0, "\(produced.output)")
            let consumed = try await Self.run(
                "kcat", ["-b", servers, "-t", topic, "-C", "-e", "-q", "-K:", "-X", "check.crcs=true"])
            #expect(consumed.output == lines)
            let group = try await Self.run(
                "kcat",
                ["-b", servers, "-G", "group-\(topic)", "-e", "-q", "-K:", "-X", "auto.offset.reset=earliest", topic])
            #expect(group.output == lines)
            let time = try await Self.run("kcat", ["-b", servers, "-Q", "-t", "\(topic):0:0"])
            #expect(time.output.contains("\(topic) [0] offset 0"))
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["confluent_client.py", "python_clients.py"])
    func python(program: String) async throws {
        let python = try await Self.python()
        try await withBroker { servers in
            let outcome = try await Self.run(python, [Self.programs + "/" + program, servers])
            #expect(outcome.status == 0, "\(outcome.output)")
            #expect(outcome.output.contains("ok "), "\(outcome.output)")
        }
    }
}
