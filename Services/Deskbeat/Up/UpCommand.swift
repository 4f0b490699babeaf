import ArgumentParser
import FoundationEssentials
import Glibc
import ServiceKit

/// `deskbeat up`.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run Deskbeat on this machine: a local broker and every service.",
        discussion: """
            Starts the local broker, unless KAFKA_BOOTSTRAP_SERVERS names another one, and every service as a process of \
            its own; starts again what dies; stops all in order on Ctrl-C or SIGTERM. Data, logs and ports are kept in the data \
            directory, so that the next start goes on where this one stopped.

            Examples:
              deskbeat up
              deskbeat up --data-dir /var/lib/deskbeat --rules rules.yaml --ready-file /run/deskbeat.json
              KAFKA_BOOTSTRAP_SERVERS=kafka:9092 deskbeat up
            """)

    @Option(help: "Where the broker's log, service logs and ports are kept.")
    var dataDir = ".deskbeat"

    @Option(
        help:
            "Business rules file (YAML), published as the next version when it differs from the newest. Environment: DESKBEAT_RULES."
    )
    var rules: String?

    @Option(
        help:
            "Written when all are ready, and after each restart: bootstrap servers, HTTP addresses, process ids (JSON)."
    )
    var readyFile: String?

    @Option(help: "Fixed HTTP ports, such as ingest=8080,ticketing=8081. Without: chosen once, then kept.")
    var httpPorts: HTTPPorts = HTTPPorts()

    @Option(help: "Port of the local broker. Without: chosen once, then kept.")
    var brokerPort: UInt16?

    @Option(help: "Stream threads per stage of every service. Environment: DESKBEAT_THREADS.")
    var threads: Int?

    @Option(help: "Partitions of topics that are created (4 with the local broker). Environment: DESKBEAT_PARTITIONS.")
    var partitions: Int?

    @Option(help: "Rebuild the state of these services before they start; see deskbeat rebuild --help.")
    var rebuild: [String] = []

    @Flag(
        help:
            "The local broker writes through to the disk before it acknowledges (for power loss; kill -9 is survived anyway)."
    )
    var fsync = false

    func run() async throws {
        let directory = try DataDirectory(dataDir)
        let program = try LocalService.ownExecutable()
        let rules = try await checkedRules()
        let supervision = try Supervision(directory: directory, plan: try plan(directory, program, rules))
        let isStopped = try await supervision.run(readyFile: readyFile)
        if !isStopped { throw ExitCode.failure }
    }

    /// The path of the rules file, once it has been read.
    private func checkedRules() async throws -> String? {
        guard let path = rules ?? environment("DESKBEAT_RULES") else { return nil }
        // Published once, here. A service that starts again must not publish it again over a later version.
        unsafe unsetenv("DESKBEAT_RULES")
        do {
            _ = try await BlockingWork("rules").run { try Rules.load(path: path) }
        } catch let error as RulesLoadError {
            Console.error.line("\(error)")
            throw ServiceExit.rules
        }
        return path
    }

    private func plan(_ directory: DataDirectory, _ program: String, _ rules: String?) throws -> Supervision.Plan {
        let folder = parentDirectory(program)
        var members: [Supervision.Member] = []
        var servers = external ?? ""
        if external == nil {
            let port = try brokerPort.map { Int($0) } ?? directory.port(for: "broker")
            if brokerPort != nil {
                try writeAtomically(Array("\(port)\n".utf8), to: directory.file("broker.port"))
            }
            servers = "127.0.0.1:\(port)"
            var arguments = [
                "broker", "--data-dir", directory.file("broker"), "--port", String(port), "--no-auto-create-topics",
            ]
            if fsync { arguments.append("--fsync") }
            members.append(
                Supervision.Member(
                    name: Supervision.broker, executable: program, arguments: arguments, port: port, announceFile: nil))
        }
        let unknown = httpPorts.ports.keys.filter { name in !LocalService.all.contains { $0.name == name } }
        guard unknown.isEmpty else {
            throw ValidationError("--http-ports: no service \(unknown.sorted().joined(separator: ", "))")
        }
        for (name, executable) in LocalService.all {
            let path = folder + "/" + executable
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw InputError("\(path) is missing; the services stand beside the program deskbeat")
            }
            let port = try httpPorts.ports[name] ?? directory.port(for: name)
            let announce = directory.file("run/\(name).json")
            var arguments = [
                "--bootstrap-servers", servers, "--http", "127.0.0.1:\(port)", "--announce-file", announce,
                "--log-format", Console.error.isTerminal ? "text" : "json",
            ]
            if let threads { arguments += ["--threads", String(threads)] }
            if let count = partitions ?? (external == nil && environment("DESKBEAT_PARTITIONS") == nil ? 4 : nil) {
                arguments += ["--partitions", String(count)]
            }
            members.append(
                Supervision.Member(
                    name: name, executable: path, arguments: arguments, port: port, announceFile: announce))
        }
        var plan = Supervision.Plan(bootstrapServers: servers, launcher: program, members: members)
        if rules != nil || !rebuild.isEmpty { plan.beforeServices = try preparation(rules, servers) }
        return plan
    }

    /// What is done between the broker's start and that of the services.
    private func preparation(_ rules: String?, _ servers: String) throws -> @Sendable () async throws -> Void {
        let cluster = try ClusterOptions.parse(external == nil ? ["--bootstrap-servers", servers] : [])
        let published = try PublishedRules(cluster)
        let rebuilds = try rebuild.map {
            try Rebuild(
                $0, kafka: cluster.configuration(), topics: cluster.topics, internalPrefix: cluster.internalNames,
                logger: cluster.logger)
        }
        return {
            for rebuild in rebuilds { _ = try await rebuild.run() }
            guard let rules else { return }
            if case .published(let record) = try await published.apply(rules) {
                let console = Console.error
                console.line(
                    "\(console.styled("deskbeat", .cyan)) \(rules) is now version \(record.version) of the rules")
            }
        }
    }

    private var external: String? { environment("KAFKA_BOOTSTRAP_SERVERS") }
}

/// `ingest=8080,ticketing=8081`.
struct HTTPPorts: ExpressibleByArgument {
    var ports: [String: Int] = [:]

    init() {}

    init?(argument: String) {
        for item in argument.split(separator: ",") {
            let parts = item.split(separator: "=")
            guard parts.count == 2, let port = UInt16(parts[1]), port > 0 else { return nil }
            ports[String(parts[0])] = Int(port)
        }
    }
}
