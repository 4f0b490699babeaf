import Foundation
public import Kafka
public import Logging
public import Streams

/// A service's settings, resolved and checked.
public struct ServiceSettings: Sendable {
    /// The service's name: `ticketing`.
    public let service: String
    public let kafka: KafkaConfiguration
    /// Variables that look like Kafka settings and are none; worth a warning.
    public let unknownVariables: [String]
    /// Stable over restarts, unique among the service's processes.
    public let instance: String
    /// Stream threads per stage.
    public let threads: Int
    /// Partitions of topics that this service creates.
    public let partitions: Int
    /// Whether this service creates topics that are missing.
    public let topicCreation: TopicCreation
    /// Prefix of the public topics, with its dot.
    public let topicPrefix: String
    /// Prefix of internal topics, groups and transactional ids, with its dot.
    public let internalPrefix: String
    public let rulesPath: String?
    public let http: HTTPAddress
    public let announceFile: String?
    public let logFormat: LogFormat
    public let logLevel: Logger.Level

    /// - Parameters:
    ///   - service: The service's name.
    ///   - defaultHTTP: Where it listens when nothing is said.
    ///   - environment: The process's variables.
    /// - Throws: Every setting that is at fault.
    public init(
        _ options: ServiceOptions, service: String, defaultHTTP: HTTPAddress = HTTPAddress(host: "127.0.0.1", port: 0),
        environment: [String: String]
    ) throws(SettingsError) {
        var reader = SettingsReader(environment: environment)
        self.service = service
        instance = reader.kafkaName(
            options.instance, "--instance", "DESKBEAT_INSTANCE", default: Self.hostName(), maximumBytes: 100)
        threads = reader.integer(options.threads, "--threads", "DESKBEAT_THREADS", default: 1, in: 1...64)
        partitions = reader.integer(
            options.partitions, "--partitions", "DESKBEAT_PARTITIONS", default: 12, in: 1...1_000)
        let creation = reader.choice(
            options.createTopics, "--create-topics", "DESKBEAT_CREATE_TOPICS", default: TopicCreation.missing.rawValue,
            among: TopicCreation.allCases.map(\.rawValue))
        topicCreation = TopicCreation(rawValue: creation) ?? .missing
        topicPrefix = reader.kafkaName(
            options.topicPrefix, "--topic-prefix", "DESKBEAT_TOPIC_PREFIX", default: "support.", maximumBytes: 100)
        internalPrefix = reader.kafkaName(
            options.internalPrefix, "--internal-prefix", "DESKBEAT_INTERNAL_PREFIX", default: "deskbeat.",
            maximumBytes: 100)
        if topicPrefix == internalPrefix {
            reader.fault(
                "--topic-prefix", "DESKBEAT_TOPIC_PREFIX", "the same as the internal prefix (\(internalPrefix))",
                "give the two different prefixes, for example support. and deskbeat.")
        }
        rulesPath = reader.text(options.rules, "DESKBEAT_RULES")
        let address = reader.text(options.http, "DESKBEAT_HTTP")
        if let address, HTTPAddress(parsing: address) == nil {
            reader.fault(
                "--http", "DESKBEAT_HTTP", "\"\(address)\" is no address", "write host:port, for example 127.0.0.1:8080"
            )
        }
        http = address.flatMap { HTTPAddress(parsing: $0) } ?? defaultHTTP
        announceFile = reader.text(options.announceFile, "DESKBEAT_ANNOUNCE_FILE")
        let formats = LogFormat.allCases.map(\.rawValue)
        let format = reader.choice(
            options.logFormat, "--log-format", "DESKBEAT_LOG_FORMAT", default: "auto", among: formats)
        logFormat = LogFormat(rawValue: format) ?? .auto
        let levels = Logger.Level.allCases.map(\.rawValue)
        let level = reader.choice(options.logLevel, "--log-level", "DESKBEAT_LOG_LEVEL", default: "info", among: levels)
        logLevel = Logger.Level(rawValue: level) ?? .info

        do {
            let kafka = try KafkaConfiguration.fromEnvironment(
                Self.withSecretFiles(environment, &reader), bootstrapServers: reader.text(options.bootstrapServers, ""),
                clientID: "deskbeat-\(service)-\(instance)")
            self.kafka = kafka.configuration
            unknownVariables = kafka.unknownVariables
        } catch {
            reader.fault("--bootstrap-servers", "KAFKA_BOOTSTRAP_SERVERS", error.reason, "for example 127.0.0.1:9092")
            kafka = KafkaConfiguration(bootstrapServers: "")
            unknownVariables = []
        }
        try reader.check()
    }

    /// Replaces each `KAFKA_…_FILE` by the variable without `_FILE`, holding the first line of that file: how container
    /// platforms pass secrets.
    private static func withSecretFiles(
        _ environment: [String: String], _ reader: inout SettingsReader
    ) -> [String: String] {
        var resolved = environment
        for (name, path) in environment where name.hasPrefix("KAFKA_") && name.hasSuffix("_FILE") && !path.isEmpty {
            let target = String(name.dropLast("_FILE".count))
            resolved[name] = nil
            if environment[target] != nil {
                reader.fault(name, nil, "\(target) is set too", "set only one of the two")
            } else if let secret = SecretFile.firstLine(path) {
                resolved[target] = secret
            } else {
                reader.fault(name, nil, "the file \(path) cannot be read", "check the path and its permissions")
            }
        }
        return resolved
    }

    private static func hostName() -> String {
        let name = ProcessInfo.processInfo.hostName
        let kept = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return kept.isEmpty ? "local" : String(kept.prefix(100))
    }
}

/// Secrets in files: never on a command line, never in a log.
public enum SecretFile {
    /// The file's first line without its end; nil when it cannot be read, is empty, or is no text. At most 64 KiB are read.
    public static func firstLine(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: 65_536), let text = String(validating: data, as: UTF8.self) else {
            return nil
        }
        let line = text.prefix { !$0.isNewline }
        return line.isEmpty ? nil : String(line)
    }
}
