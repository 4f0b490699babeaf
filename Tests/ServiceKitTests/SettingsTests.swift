import ArgumentParser
import Foundation
import Kafka
import Logging
import ServiceKit
import Streams
import Testing

@Suite struct SettingsTests {
    private func settings(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ServiceSettings {
        let options = try ServiceOptions.parse(arguments)
        var environment = environment
        if environment["KAFKA_BOOTSTRAP_SERVERS"] == nil { environment["KAFKA_BOOTSTRAP_SERVERS"] = "b:9092" }
        return try ServiceSettings(options, service: "ticketing", environment: environment)
    }

    @Test func defaults() throws {
        let settings = try settings([])
        #expect(settings.threads == min(2, ProcessInfo.processInfo.activeProcessorCount))
        #expect(settings.partitions == 12)
        #expect(settings.topicCreation == .missing)
        #expect(settings.topicPrefix == "support.")
        #expect(settings.internalPrefix == "deskbeat.")
        #expect(settings.http == HTTPAddress(host: "127.0.0.1", port: 0))
        #expect(settings.logFormat == .auto)
        #expect(settings.logLevel == .info)
        #expect(settings.rulesPath == nil)
        #expect(settings.announceFile == nil)
        #expect(!settings.instance.isEmpty)
        #expect(settings.kafka.bootstrapServers == "b:9092")
        #expect(settings.kafka.clientID == "deskbeat-ticketing-\(settings.instance)")
    }

    static let pairs: [(flag: [String], variable: [String: String])] = [
        (["--bootstrap-servers", "x:1"], ["KAFKA_BOOTSTRAP_SERVERS": "x:1"]),
        (["--instance", "a.b-c_1"], ["DESKBEAT_INSTANCE": "a.b-c_1"]),
        (["--threads", "7"], ["DESKBEAT_THREADS": "7"]),
        (["--partitions", "4"], ["DESKBEAT_PARTITIONS": "4"]),
        (["--create-topics", "never"], ["DESKBEAT_CREATE_TOPICS": "never"]),
        (["--topic-prefix", "t."], ["DESKBEAT_TOPIC_PREFIX": "t."]),
        (["--internal-prefix", "i."], ["DESKBEAT_INTERNAL_PREFIX": "i."]),
        (["--rules", "r.yaml"], ["DESKBEAT_RULES": "r.yaml"]),
        (["--http", "[::1]:80"], ["DESKBEAT_HTTP": "[::1]:80"]),
        (["--announce-file", "f"], ["DESKBEAT_ANNOUNCE_FILE": "f"]),
        (["--log-format", "JSON"], ["DESKBEAT_LOG_FORMAT": "json"]),
        (["--log-level", "debug"], ["DESKBEAT_LOG_LEVEL": "DEBUG"]),
    ]

    private func shown(_ settings: ServiceSettings) -> String {
        "\(settings.kafka) \(settings.instance) \(settings.threads) \(settings.partitions) \(settings.topicCreation) "
            + "\(settings.topicPrefix) \(settings.internalPrefix) \(settings.rulesPath ?? "") \(settings.http) "
            + "\(settings.announceFile ?? "") \(settings.logFormat) \(settings.logLevel)"
    }

    @Test(arguments: pairs.indices) func aFlagAndItsVariableSayTheSame(_ index: Int) throws {
        let (flag, variable) = Self.pairs[index]
        let name = try #require(variable.keys.first)
        #expect(try shown(settings(flag)) == shown(settings([], variable)))
        #expect(try shown(settings(flag)) != shown(settings([])))
        // An empty variable counts as none; without a broker there is no default.
        if name == "KAFKA_BOOTSTRAP_SERVERS" {
            #expect(throws: SettingsError.self) { _ = try settings([], [name: ""]) }
        } else {
            #expect(try shown(settings([], [name: ""])) == shown(settings([])))
        }
    }

    @Test func theFlagWins() throws {
        #expect(try settings(["--threads", "2"], ["DESKBEAT_THREADS": "3"]).threads == 2)
        #expect(try settings(["--bootstrap-servers", "f:1"]).kafka.bootstrapServers == "f:1")
    }

    static let faults: [([String], [String: String], [String])] = [
        (["--threads", "0"], [:], ["--threads (DESKBEAT_THREADS)", "0 is out of range", "from 1 to 64"]),
        ([], ["DESKBEAT_THREADS": "many"], ["\"many\" is no whole number", "from 1 to 64"]),
        (["--create-topics", "nevr"], [:], ["--create-topics", "did you mean never?"]),
        (["--partitions", "1001"], [:], ["--partitions", "from 1 to 1000"]),
        (["--instance", "a b"], [:], ["--instance", "cannot be part of a Kafka name"]),
        (["--instance", String(repeating: "a", count: 101)], [:], ["at most 100"]),
        (["--topic-prefix", "x", "--internal-prefix", "x"], [:], ["--topic-prefix", "two different prefixes"]),
        (["--http", "8080"], [:], ["--http (DESKBEAT_HTTP)", "no address", "127.0.0.1:8080"]),
        (["--http", "a:70000"], [:], ["no address"]),
        (["--http", "::1:80"], [:], ["no address"]),
        (["--log-format", "jsn"], [:], ["did you mean json?"]),
        (["--log-level", "verbose"], [:], ["write one of trace"]),
        ([], ["KAFKA_SASL_PASSWORD_FILE": "/nonexistent"], ["KAFKA_SASL_PASSWORD_FILE", "cannot be read"]),
        (
            [], ["KAFKA_SASL_PASSWORD_FILE": "/etc/hostname", "KAFKA_SASL_PASSWORD": "x"],
            ["KAFKA_SASL_PASSWORD_FILE", "set only one"]
        ),
    ]

    @Test(arguments: faults.indices) func faultsNameTheSettingAndTheRemedy(_ index: Int) throws {
        let (arguments, environment, words) = Self.faults[index]
        let error = try #require(throws: SettingsError.self) { _ = try settings(arguments, environment) }
        for word in words { #expect(error.description.contains(word), "\(error)") }
    }

    @Test func allFaultsAtOnce() throws {
        let error = try #require(throws: SettingsError.self) {
            _ = try ServiceSettings(
                ServiceOptions.parse(["--threads", "0", "--partitions", "0"]), service: "x", environment: [:])
        }
        #expect(error.faults.count == 3)
        #expect(error.description.contains("KAFKA_BOOTSTRAP_SERVERS"))
    }

    @Test func secretsComeFromFiles() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("s3cret\r\nsecond line\n".utf8).write(to: file)
        let settings = try settings([], ["KAFKA_SASL_PASSWORD_FILE": file.path])
        #expect(settings.kafka.properties["sasl.password"] == "s3cret")
        #expect(!shown(settings).contains("s3cret"))
    }

    @Test(arguments: [
        ("127.0.0.1:0", "127.0.0.1:0"), (":80", "0.0.0.0:80"), ("[::1]:65535", "[::1]:65535"), ("h:1", "h:1"),
    ]) func addresses(_ text: String, _ shown: String) {
        #expect(HTTPAddress(parsing: text)?.description == shown)
    }

    @Test func helpNamesEveryVariable() {
        struct Command: ParsableCommand {
            static let configuration = CommandConfiguration.service("x", "abstract", example: "x --threads 2")
            @OptionGroup var service: ServiceOptions
        }
        let help = Command.helpMessage(columns: 1_000)
        for (_, variable) in Self.pairs { for name in variable.keys { #expect(help.contains(name)) } }
        #expect(help.contains("x --threads 2"))
        #expect(help.contains("78 wrong rules file"))
    }
}
