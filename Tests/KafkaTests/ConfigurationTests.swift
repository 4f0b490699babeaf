import Kafka
import Logging
import Synchronization
import Testing

struct ConfigurationTests {
    @Test func theEnvironmentNamesProperties() throws {
        let read = try KafkaConfiguration.fromEnvironment([
            "KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "s3cret",
            "KAFKA_LINGER_MS": "7", "KAFKA_SERVICE_HOST": "10.0.0.1", "KAFKA_CLIENT_ID": "named", "HOME": "/root",
            "KAFKA_SASL_MECHANISM": "", "KAFKA_NO_SUCH_PROPERTY": "",
        ])
        #expect(read.configuration.bootstrapServers == "a:1,b:2")
        #expect(read.configuration.clientID == "named")
        #expect(
            read.configuration.properties == ["sasl.username": "me", "sasl.password": "s3cret", "linger.ms": "7"])
        #expect(read.unknownVariables == ["KAFKA_SERVICE_HOST"])
        let flagged = try KafkaConfiguration.fromEnvironment(
            ["KAFKA_BOOTSTRAP_SERVERS": "a:1"], bootstrapServers: "flag:9")
        #expect(flagged.configuration.bootstrapServers == "flag:9")
        let error = #expect(throws: KafkaError.self) { try KafkaConfiguration.fromEnvironment([:]) }
        #expect(error?.description.contains("KAFKA_BOOTSTRAP_SERVERS") == true)
    }

    @Test func secretsAreNotPrinted() {
        let secrets = [
            "sasl.password", "sasl.username", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
            "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret",
        ]
        var configuration = KafkaConfiguration(bootstrapServers: "a:1", properties: ["linger.ms": "5"])
        for property in secrets { configuration.properties[property] = "s3cret" }
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("s3cret"))
            #expect(text.contains("linger.ms=5"))
            for property in secrets { #expect(text.contains("\(property)=***")) }
        }
    }

    @Test func aRefusedValueIsNotRepeated() {
        let configuration = KafkaConfiguration(
            bootstrapServers: "a:1", properties: ["security.protocol": "s3cret"])
        let error = #expect(throws: KafkaError.self) {
            try KafkaConsumer(configuration: configuration, logger: quiet)
        }
        #expect(error?.description.contains("security.protocol") == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    /// What exactly-once rests on cannot be configured away.
    @Test(arguments: [
        ("enable.auto.commit", "true"), ("isolation.level", "read_uncommitted"), ("auto.offset.reset", "latest"),
        ("partition.assignment.strategy", "cooperative-sticky"), ("group.id", "other"),
        ("enable.partition.eof", "false"), ("enable.auto.offset.store", "true"),
    ])
    func aConsumersGuaranteesAreFixed(_ property: String, _ value: String) {
        let configuration = KafkaConfiguration(bootstrapServers: "a:1", properties: [property: value])
        let error = #expect(throws: KafkaError.self) {
            try KafkaConsumer(configuration: configuration, group: ConsumerGroup(id: "g"), logger: quiet)
        }
        #expect(error?.description.contains(property) == true)
        #expect(error?.reaction == .fatal)
    }

    @Test(arguments: [
        ("enable.idempotence", "false"), ("acks", "1"), ("transactional.id", "other"),
        ("transaction.timeout.ms", "60000"),
    ])
    func aProducersGuaranteesAreFixed(_ property: String, _ value: String) {
        let configuration = KafkaConfiguration(bootstrapServers: "a:1", properties: [property: value])
        let error = #expect(throws: KafkaError.self) {
            try TransactionalProducer(configuration: configuration, transactionalID: "tx", logger: quiet)
        }
        #expect(error?.description.contains(property) == true)
    }

    /// The same value in other words contradicts nothing.
    @Test func aPropertyMayRepeatWhatIsFixed() throws {
        let configuration = KafkaConfiguration(
            bootstrapServers: "127.0.0.1:1", properties: ["enable.idempotence": "1", "acks": "-1"])
        let producer = try TransactionalProducer(configuration: configuration, transactionalID: "tx", logger: quiet)
        try producer.close(patience)
    }

    @Test func inconsistentTimeoutsAreRefused() {
        let configuration = KafkaConfiguration(bootstrapServers: "a:1")
        #expect(throws: KafkaError.self) {
            try KafkaConsumer(
                configuration: configuration,
                group: ConsumerGroup(id: "g", sessionTimeout: .seconds(20), maxPollInterval: .seconds(10)),
                logger: quiet)
        }
        #expect(throws: KafkaError.self) {
            try TransactionalProducer(
                configuration: KafkaConfiguration(
                    bootstrapServers: "a:1", properties: ["socket.timeout.ms": "60000"]),
                transactionalID: "tx", logger: quiet)
        }
        #expect(throws: KafkaError.self) {
            try KafkaConsumer(
                configuration: KafkaConfiguration(bootstrapServers: "a:1", properties: ["no.such.property": "1"]),
                logger: quiet)
        }
    }

    @Test func anOldLibraryIsRefused() throws {
        try LibraryVersion.loaded.requireSupported()
        #expect(LibraryVersion.loaded >= LibraryVersion(number: 0x0200_0200))
        let old = LibraryVersion(number: 0x0200_01ff)
        #expect(old.description == "2.0.1")
        let error = #expect(throws: KafkaError.self) { try old.requireSupported() }
        #expect(error?.description.contains("2.0.1") == true)
        try LibraryVersion(number: 0x0200_02ff).requireSupported()
        try LibraryVersion(number: 0x0300_0000).requireSupported()
    }

    /// librdkafka's lines reach swift-log, with the client's id shortened to what is safe for librdkafka before 2.5.
    @Test func logsReachTheLogger() async throws {
        let recorded = LogRecorder.Lines()
        let logger = Logger(label: "test") { _ in LogRecorder(lines: recorded) }
        try await onThread {
            let cluster = try MockCluster()
            let id = String(repeating: "long-host-name.", count: 10)
            let producer = try TransactionalProducer(
                configuration: cluster.configuration.client(id).with(["debug": "all"]), transactionalID: "tx",
                logger: logger)
            try producer.initTransactions(patience)
            try producer.close(patience)
        }
        let lines = recorded.all.withLock { $0 }
        #expect(!lines.isEmpty)
        let clients = Set(lines.compactMap { $0["kafka.client"]?.description })
        #expect(clients.count == 1)
        let client = try #require(clients.first)
        #expect(client.utf8.count == 63)
        #expect(client.hasPrefix("long-host-name."))
        #expect(lines.contains { $0["kafka.facility"] != nil })
    }

    @Test func deadlinesAreShared() {
        #expect(Deadline.never.remaining == nil)
        #expect(!Deadline.never.isExpired)
        #expect(Deadline.after(.zero).isExpired)
        #expect(Deadline.after(.seconds(-5)).remaining == .zero)
        let far = Deadline.after(.seconds(1_000))
        #expect(!far.isExpired)
        #expect(far.limited(to: .zero).isExpired)
        #expect(Deadline.never.limited(to: .zero).isExpired)
        #expect((far.limited(to: .seconds(5_000)).remaining ?? .zero) <= .seconds(1_000))
    }
}

/// Keeps the metadata of every line.
struct LogRecorder: LogHandler {
    final class Lines: Sendable {
        let all = Mutex<[Logger.Metadata]>([])
    }

    let lines: Lines
    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.all.withLock { $0.append(metadata.merging(event.metadata ?? [:]) { $1 }) }
    }
}
