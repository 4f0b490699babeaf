import Foundation
import Subprocess
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// A whole installation of a test's own: `deskbeat up` with its data in a temporary folder and ports chosen by the system.
/// With `KAFKA_BOOTSTRAP_SERVERS` set it runs on that broker, under topic names of its own.
struct Installation: Sendable {
    let folder: URL
    let environment: [String: String]

    /// What `deskbeat up` writes to the ready file.
    struct Ready: Decodable, Sendable {
        var bootstrap_servers: String
        var http: [String: String]
        var pids: [String: Int32]
    }

    /// Where this build's executables are: beside the test bundle.
    static let binaries = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent()

    static let deadline = Duration.seconds(300)

    /// Starts an installation, gives it to `body` when everything is ready, and stops it. The exit code must be 0.
    static func run(
        rules: String? = nil, deadline: Duration = deadline,
        _ body: @Sendable @escaping (Installation) async throws -> Void
    ) async throws {
        try await withFolder { try await $0.up(rules: rules, deadline: deadline, body) }
    }

    /// One installation at a time, whatever suite it belongs to: each is a dozen processes.
    private actor Turn {
        static let shared = Turn()
        private var isTaken = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func take() async {
            guard isTaken else {
                isTaken = true
                return
            }
            await withCheckedContinuation { waiting.append($0) }
        }

        func give() {
            if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
        }
    }

    /// Gives `body` the folder of an installation that is not running.
    static func withFolder(_ body: (Installation) async throws -> Void) async throws {
        await Turn.shared.take()
        do {
            try await withFolderAlone(body)
        } catch {
            await Turn.shared.give()
            throw error
        }
        await Turn.shared.give()
    }

    private static func withFolderAlone(_ body: (Installation) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("deskbeat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DESKBEAT_") }
        if environment["KAFKA_BOOTSTRAP_SERVERS"] != nil {
            let id = UUID().uuidString.prefix(8).lowercased()
            environment["DESKBEAT_TOPIC_PREFIX"] = "t\(id).support."
            environment["DESKBEAT_INTERNAL_PREFIX"] = "t\(id).deskbeat."
            environment["DESKBEAT_PARTITIONS"] = "4"
        }
        try await body(Installation(folder: folder, environment: environment))
    }

    /// Runs `deskbeat up` until `body` has ended. The exit code must be 0.
    func up(
        rules: String? = nil, options: [String] = [], deadline: Duration = deadline,
        _ body: @Sendable @escaping (Installation) async throws -> Void
    ) async throws {
        var arguments = ["up", "--data-dir", folder.path, "--ready-file", readyFile.path] + options
        if let rules {
            try rules.write(to: folder.appendingPathComponent("rules.yaml"), atomically: true, encoding: .utf8)
            arguments += ["--rules", folder.appendingPathComponent("rules.yaml").path]
        }
        let result = try await Subprocess.run(
            .path(FilePath(Self.binaries.appendingPathComponent("deskbeat").path)), arguments: Arguments(arguments),
            environment: .custom(subprocessEnvironment), input: .none, output: .discarded, error: .sequence
        ) { execution in
            let log = ProcessLog(awaiting: "deskbeat ready")
            let output = execution.standardError
            let reading = Task {
                defer { log.end() }
                for try await line in output.strings() { log.add(line) }
            }
            _ = try #require(await log.awaited(), "deskbeat up: \(log.tail)")
            var failure: (any Error)?
            do {
                try await withDeadline(deadline) { try await body(self) }
            } catch {
                failure = error
                print("deskbeat up has said last:\n\(log.tail)")
            }
            try execution.send(signal: .terminate)
            try await reading.value
            if let failure { throw failure }
        }
        #expect(result.terminationStatus == .exited(0))
    }

    var readyFile: URL { folder.appendingPathComponent("ready.json") }

    /// As it is now: processes that were restarted have new ids.
    func ready() throws -> Ready { try JSONDecoder().decode(Ready.self, from: Data(contentsOf: readyFile)) }

    private var subprocessEnvironment: [Environment.Key: String] {
        Dictionary(
            uniqueKeysWithValues: environment.compactMap { key, value in
                Environment.Key(rawValue: key).map { ($0, value) }
            })
    }

    // MARK: Commands

    /// Runs `deskbeat` against this installation and returns its standard output.
    @discardableResult
    func deskbeat(_ arguments: String...) async throws -> String {
        try await execute(Self.binaries.appendingPathComponent("deskbeat").path, arguments)
    }

    /// Runs another program with `KAFKA_BOOTSTRAP_SERVERS` set to this installation's broker.
    ///
    /// - Parameter input: given to its standard input.
    @discardableResult
    func execute(_ program: String, _ arguments: [String], input: String = "") async throws -> String {
        var environment = subprocessEnvironment
        environment["KAFKA_BOOTSTRAP_SERVERS"] = try ready().bootstrap_servers
        let executable: Executable = program.contains("/") ? .path(FilePath(program)) : .name(program)
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), environment: .custom(environment),
            input: .string(input), output: .string(limit: 1 << 30), error: .string(limit: 1 << 20))
        guard result.terminationStatus == .exited(0) else {
            throw CommandFailure(
                command: ([program] + arguments).joined(separator: " "), output: result.standardOutput,
                error: result.standardError)
        }
        return result.standardOutput
    }

    struct CommandFailure: Error, CustomStringConvertible {
        var command: String
        var output: String
        var error: String
        var description: String { "\(command) failed: \(error.suffix(2000))\n\(output.suffix(2000))" }
    }

    /// `kill -9` for the process with this name, whichever it is now. False when it is not running at this moment.
    ///
    /// With an external broker there is no process of that name to kill.
    func kill(_ name: String) throws -> Bool {
        guard let pid = try ready().pids[name] else { return false }
        return Foundation.kill(pid, SIGKILL) == 0
    }

    /// Latest KPI updates, one JSON object per line, in a file.
    func kpis(_ name: String = "kpis.ndjson") async throws -> URL {
        let file = folder.appendingPathComponent(name)
        try await deskbeat("kpis", "--format", "json").write(to: file, atomically: true, encoding: .utf8)
        return file
    }
}

struct DeadlineExceeded: Error {}

/// Runs `body`, at most this long.
func withDeadline(_ duration: Duration, _ body: @Sendable @escaping () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: duration)
            throw DeadlineExceeded()
        }
        try await group.next()
        group.cancelAll()
    }
}
