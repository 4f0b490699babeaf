package import Kafka
import Logging
package import ServiceKit
import ServiceLifecycle

/// Sends accepted events to the inbound topic with `acks=all`.
package final class KafkaInboundProducer: InboundProducer, Service, CustomStringConvertible {
    private let producer: KafkaProducer
    private let topic: String
    private let logger: Logger
    package var description: String { "inbound-producer" }

    /// How long a request waits for its records to be durable.
    static let deliveryTimeout: Duration = .seconds(10)

    /// - Throws: For a refused Kafka property. No broker is contacted yet.
    package init(_ environment: ServiceEnvironment) throws(KafkaError) {
        topic = environment.topics.inbound
        logger = environment.logger
        producer = try KafkaProducer(
            configuration: environment.settings.kafka, deliveryTimeout: Self.deliveryTimeout, logger: environment.logger
        )
    }

    package func send(_ records: [InboundRecord]) async throws(InboundFailure) {
        do {
            _ = try await producer.send(
                records.map { record in
                    OutgoingRecord(
                        topic: topic, key: record.key, value: record.value,
                        headers: record.headers.map { ($0.name, $0.value) })
                })
        } catch {
            throw error.isQueueFull ? .full : .unavailable(error.reason)
        }
    }

    /// Waits for the end, then for the records on their way.
    package func run() async throws {
        try? await gracefulShutdown()
        try? await producer.close(.after(Self.deliveryTimeout))
    }
}
