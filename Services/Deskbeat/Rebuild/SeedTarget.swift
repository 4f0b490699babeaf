import KPIs
import Kafka
import Logging
import ServiceKit
import Streams

/// The changelog that seeds are made of.
struct SeedSource: Sendable {
    var topic: String
    /// 0: there is none, and nothing to take over.
    var partitions: Int32
}

/// A new changelog: its meta records, the hold, and the seeds. Blocks: for a thread of its own.
struct SeedTarget: Sendable {
    enum Kind: Sendable {
        case series
        case entities
        case entitiesWithMemory
    }

    var topic: String
    var partitions: Int32
    var kind: Kind
    /// Microseconds since 1970.
    var heldUntil: Int64
    var transactionalID: String

    private static let recordsPerTransaction = 10_000
    private static let patience = Duration.seconds(60)

    /// - Returns: number of seeds, those that a later one replaces included.
    func write(from source: SeedSource, _ kafka: KafkaConfiguration, _ logger: Logger) throws -> Int {
        let producer = try TransactionalProducer(
            configuration: kafka, transactionalID: transactionalID, logger: logger)
        defer { try? producer.close(.after(.seconds(5))) }
        try producer.initTransactions(.after(Self.patience))
        try producer.warm([topic], .after(Self.patience))
        let destination = try producer.topic(topic)
        func send(_ partition: Int32, _ key: [UInt8], _ value: [UInt8]?) throws {
            if let value {
                try unsafe producer.send(
                    to: destination, partition: partition, key: key.span.bytes, value: value.span.bytes)
            } else {
                try unsafe producer.send(to: destination, partition: partition, key: key.span.bytes, value: nil)
            }
        }
        try producer.begin()
        for partition in 0..<partitions {
            try send(partition, ChangelogMeta.key, ChangelogMeta(partitions: partitions).value)
            switch kind {
            case .series:
                let hold = SeriesSeed.hold(until: heldUntil)
                try send(partition, hold.key, hold.value)
            case .entitiesWithMemory:
                let hold = EntitySeed.hold(until: heldUntil)
                try send(partition, hold.key, hold.value)
            case .entities: break
            }
        }
        var seeds = 0
        if source.partitions > 0, kind != .entities {
            let reader = try TopicReader(
                kafka, topic: source.topic, partitions: Array(0..<source.partitions), logger: logger)
            defer { reader.close() }
            var failure: (any Error)?
            try reader.readToEnd { batch, index in
                guard failure == nil else { return }
                do {
                    guard let key = batch.key(index), let seed = try seed(key, batch.value(index)) else { return }
                    try send(Partitioner.partition(key: seed.partitionKey, count: partitions), key, seed.value)
                    seeds += 1
                    if seeds % Self.recordsPerTransaction == 0 {
                        try producer.commit(.after(Self.patience))
                        try producer.begin()
                    }
                } catch {
                    failure = InputError(
                        "\(source.topic): \(error). What has been published cannot be taken over from it")
                }
            }
            if let failure { throw failure }
        }
        try producer.commit(.after(Self.patience))
        return seeds
    }

    private func seed(_ key: [UInt8], _ value: [UInt8]?) throws -> (partitionKey: [UInt8], value: [UInt8]?)? {
        guard key != ChangelogMeta.key else { return nil }
        switch kind {
        case .series:
            guard let value else { return try unsafe SeriesSeed.record(key: key.span.bytes, value: nil) }
            return try unsafe SeriesSeed.record(key: key.span.bytes, value: value.span.bytes)
        case .entitiesWithMemory:
            return try EntitySeed.record(key: key, value: value).map { ($0.id, $0.value) }
        case .entities: return nil
        }
    }
}
