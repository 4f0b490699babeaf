package import Kafka
package import Logging

/// The handles of a stream thread, from the Kafka module.
package final class KafkaClients: StreamClients {
    private let configuration: KafkaConfiguration
    private let sessionTimeout: Duration
    private let httpPort: Int?
    private let logger: Logger

    /// - Parameters:
    ///   - sessionTimeout: above the transaction timeout of 10 s, so that a hanging transaction has ended before
    ///     its member is replaced. (Static members do not leave: a process that stops for good is missed after this time.)
    ///   - httpPort: what the group's other members may know of this process (``MemberPort``).
    package init(
        _ configuration: KafkaConfiguration, sessionTimeout: Duration = .seconds(12), httpPort: Int? = nil,
        logger: Logger
    ) {
        self.configuration = configuration
        self.httpPort = httpPort
        self.sessionTimeout = sessionTimeout
        self.logger = logger
    }

    package func consumer(group: String, identity: String, listener: any RebalanceListener) throws(ClientError)
        -> any StreamConsumer
    {
        var configuration = configuration.client(MemberPort.clientID(identity, port: httpPort))
        // A member learns of a rebalance with its next heartbeat; the default of 3 s would be most of the rebalance.
        let beat = min(1_000, sessionTimeout.components.seconds * 1_000 / 3)
        configuration.properties.merge(["heartbeat.interval.ms": "\(max(100, beat))"]) { own, _ in own }
        return try KafkaStreamConsumer(
            configuration,
            group: ConsumerGroup(
                id: group, instanceID: identity, sessionTimeout: sessionTimeout, holdsPartitions: true),
            listener: listener, logger: logger)
    }

    package func producer(identity: String) throws(ClientError) -> any StreamProducer {
        try KafkaStreamProducer(configuration.client(identity), identity: identity, logger: logger)
    }

    package func reader(identity: String) throws(ClientError) -> any StreamReader {
        try KafkaStreamReader(configuration.client("\(identity)-restore"), logger: logger)
    }

    package func watermarkReader(identity: String) throws(ClientError) -> any WatermarkReader {
        try KafkaWatermarkReader(configuration.client("\(identity)-watermarks"), logger: logger)
    }
}

extension ClientError {
    init(_ error: KafkaError) {
        let reaction: TransactionMachine.Reaction =
            switch error.reaction {
            case .retry: .retry
            case .abort: .abort
            case .fatal: .fatal
            }
        self.init(
            reaction, isFenced: error.isFenced,
            isPositionInvalid: error.code == .offsetReset || error.code == .offsetOutOfRange, error.description)
    }
}

/// Runs a call of the Kafka module.
private func kafka<R>(_ body: () throws(KafkaError) -> R) throws(ClientError) -> R {
    do throws(KafkaError) {
        return try body()
    } catch {
        throw ClientError(error)
    }
}

final class KafkaStreamConsumer: StreamConsumer {
    /// Passes the module's callbacks on. The module keeps it for the consumer's lifetime, so it must not own the consumer.
    private final class Forwarder: RebalanceHandler {
        weak var listener: (any RebalanceListener)?

        func assigned(_ partitions: [TopicPartition], consumer: KafkaConsumer) { listener?.assigned(partitions) }
        func revoked(_ partitions: [TopicPartition], consumer: KafkaConsumer) { listener?.revoked(partitions) }
        func lost(_ partitions: [TopicPartition], consumer: KafkaConsumer) { listener?.lost(partitions) }
    }

    private let consumer: KafkaConsumer
    private let logger: Logger

    init(
        _ configuration: KafkaConfiguration, group: ConsumerGroup, listener: any RebalanceListener, logger: Logger
    ) throws(ClientError) {
        let forwarder = Forwarder()
        forwarder.listener = listener
        self.logger = logger
        consumer = try kafka { () throws(KafkaError) in
            try KafkaConsumer(configuration: configuration, group: group, rebalance: forwarder, logger: logger)
        }
    }

    func subscribe(_ topics: [String]) throws(ClientError) {
        try kafka { () throws(KafkaError) in try consumer.subscribe(topics) }
    }

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        _ = try kafka { () throws(KafkaError) in
            try consumer.poll(
                into: batch, maxRecords: maximumRecords, maxBytes: maximumBytes, timeout: .milliseconds(timeout))
        }
    }

    func pause(_ partitions: [TopicPartition]) throws(ClientError) {
        try kafka { () throws(KafkaError) in try consumer.pause(partitions) }
    }

    func start(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try kafka { () throws(KafkaError) in try consumer.start(offsets) }
    }

    func seek(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try kafka { () throws(KafkaError) in try consumer.seek(offsets) }
    }

    func committed(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: OffsetAndMetadata]
    {
        try kafka { () throws(KafkaError) in try consumer.committed(partitions, deadline) }
    }

    func stableEnds(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Int64]
    {
        try kafka { () throws(KafkaError) in try consumer.ends(partitions, deadline) }
    }

    var generation: GroupGeneration? {
        consumer.groupMetadata().map {
            GroupGeneration(generation: $0.generation, member: $0.member, native: $0)
        }
    }

    var isAssignmentLost: Bool { consumer.isAssignmentLost }

    func close(deadline: Deadline) {
        do throws(KafkaError) {
            try consumer.close(deadline)
        } catch {
            logger.warning("closing the consumer", metadata: ["error": "\(error)"])
        }
    }
}

final class KafkaStreamProducer: StreamProducer {
    private let producer: TransactionalProducer
    private var topics: [TransactionalProducer.Topic] = []
    private var numbers: [String: Int] = [:]
    private let logger: Logger

    init(_ configuration: KafkaConfiguration, identity: String, logger: Logger) throws(ClientError) {
        self.logger = logger
        producer = try kafka { () throws(KafkaError) in
            try TransactionalProducer(configuration: configuration, transactionalID: identity, logger: logger)
        }
    }

    func initialize(deadline: Deadline) throws(ClientError) {
        try kafka { () throws(KafkaError) in try producer.initTransactions(deadline) }
    }

    func warm(_ topics: [String], deadline: Deadline) throws(ClientError) {
        _ = try kafka { () throws(KafkaError) in try producer.warm(topics, deadline) }
    }

    func topic(_ name: String) throws(ClientError) -> Int {
        if let number = numbers[name] { return number }
        let topic = try kafka { () throws(KafkaError) in try producer.topic(name) }
        topics.append(topic)
        numbers[name] = topics.count - 1
        return topics.count - 1
    }

    func begin() throws(ClientError) {
        try kafka { () throws(KafkaError) in try producer.begin() }
    }

    func send(
        topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
    ) throws(ClientError) {
        do throws(KafkaError) {
            // An empty array is the same for both element types, and the usual case.
            try producer.send(
                to: topics[topic], partition: partition, key: key, value: value,
                headers: headers.isEmpty ? [] : headers.map { (name: $0.0, value: $0.1) })
        } catch {
            throw ClientError(error)
        }
    }

    func sendOffsets(
        _ offsets: [TopicPartition: OffsetAndMetadata], generation: GroupGeneration, deadline: Deadline
    ) throws(ClientError) {
        guard let metadata = generation.native as? GroupMetadata else {
            preconditionFailure("a generation of another client")
        }
        try kafka { () throws(KafkaError) in try producer.sendOffsets(offsets, metadata, deadline) }
    }

    func commit(deadline: Deadline) throws(ClientError) {
        try kafka { () throws(KafkaError) in try producer.commit(deadline) }
    }

    func abort(deadline: Deadline) throws(ClientError) {
        try kafka { () throws(KafkaError) in try producer.abort(deadline) }
    }

    func close(deadline: Deadline) {
        do throws(KafkaError) {
            try producer.close(deadline)
        } catch {
            logger.warning("closing the producer", metadata: ["error": "\(error)"])
        }
    }
}

final class KafkaStreamReader: StreamReader {
    private let consumer: KafkaConsumer
    private let logger: Logger

    init(_ configuration: KafkaConfiguration, logger: Logger) throws(ClientError) {
        self.logger = logger
        consumer = try kafka { () throws(KafkaError) in
            try KafkaConsumer(configuration: configuration, offsetReset: .error, tuning: .restore, logger: logger)
        }
    }

    func assign(_ offsets: [TopicPartition: Int64]) throws(ClientError) {
        try kafka { () throws(KafkaError) in try consumer.assign(offsets) }
    }

    func poll(
        into batch: RecordBatch, maximumRecords: Int, maximumBytes: Int, timeout: Int64
    ) throws(ClientError) {
        _ = try kafka { () throws(KafkaError) in
            try consumer.poll(
                into: batch, maxRecords: maximumRecords, maxBytes: maximumBytes, timeout: .milliseconds(timeout))
        }
    }

    func close(deadline: Deadline) {
        do throws(KafkaError) {
            try consumer.close(deadline)
        } catch {
            logger.warning("closing a reader", metadata: ["error": "\(error)"])
        }
    }
}

final class KafkaWatermarkReader: WatermarkReader {
    private let consumer: KafkaConsumer
    private let logger: Logger

    init(_ configuration: KafkaConfiguration, logger: Logger) throws(ClientError) {
        self.logger = logger
        consumer = try kafka { () throws(KafkaError) in
            try KafkaConsumer(configuration: configuration, readUncommitted: true, logger: logger)
        }
    }

    func watermarks(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError)
        -> [TopicPartition: Watermarks]
    {
        guard !partitions.isEmpty else { return [:] }
        return try kafka { () throws(KafkaError) in try consumer.watermarks(partitions, deadline) }
    }

    func ends(_ partitions: [TopicPartition], deadline: Deadline) throws(ClientError) -> [TopicPartition: Int64] {
        guard !partitions.isEmpty else { return [:] }
        return try kafka { () throws(KafkaError) in try consumer.ends(partitions, deadline) }
    }

    func close(deadline: Deadline) {
        do throws(KafkaError) {
            try consumer.close(deadline)
        } catch {
            logger.warning("closing a watermark reader", metadata: ["error": "\(error)"])
        }
    }
}
