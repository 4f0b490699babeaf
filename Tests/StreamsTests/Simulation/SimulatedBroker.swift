import Kafka
import LocalBroker
import NIOCore
import Streams

/// The local broker's core on a disk that can be killed, without a network: requests in, responses out.
final class SimulatedBroker {
    let storage = SimulatedStorage()
    private let time: ManualTime
    private let seed: UInt64
    private var core: BrokerCore
    private var nextToken: UInt64 = 0
    private var answers: [RequestToken: Response] = [:]
    /// Counts starts: what was asked of one incarnation is not answered by the next.
    private(set) var incarnation = 0
    /// Wall time in microseconds from which on it can be reached again.
    private var downUntil: Int64 = 0
    private(set) var partitionCounts: [String: Int32] = [:]

    init(time: ManualTime, seed: UInt64) throws(StorageError) {
        self.time = time
        self.seed = seed
        core = try Self.start(storage, time, seed)
    }

    private static func start(
        _ storage: SimulatedStorage, _ time: ManualTime, _ seed: UInt64
    ) throws(StorageError) -> BrokerCore {
        var configuration = BrokerCoreConfiguration()
        configuration.seed = seed
        return try BrokerCore(configuration: configuration, storage: storage, time: brokerTime(time))
    }

    private static func brokerTime(_ time: ManualTime) -> BrokerTime {
        BrokerTime(wall: time.wall / 1_000, monotonic: time.monotonic)
    }

    var isDown: Bool { time.wall < downUntil }

    /// Kills it and starts it again on what is on the disk.
    ///
    /// - Parameter outage: microseconds for which it cannot be reached.
    func restart(outage: Int64) throws(StorageError) {
        storage.revive()
        answers = [:]
        incarnation += 1
        downUntil = time.wall + outage
        core = try Self.start(storage, time, seed &+ UInt64(incarnation))
    }

    /// Fires what is due.
    func advance() {
        guard !storage.isDown else { return }
        core.advance(to: Self.brokerTime(time))
        collect()
    }

    /// Hands a request over. Its answer is there at once, or later, or never.
    func receive(_ request: Request) -> RequestToken {
        nextToken += 1
        let token = RequestToken(nextToken)
        advance()
        core.receive(
            request, version: request.key.versions.upperBound, client: ClientContext(id: "simulated"), token: token,
            at: Self.brokerTime(time))
        // What is answered after the last write was acknowledged; a broker that died before has not answered.
        if storage.isDown {
            _ = core.takeCompletions()
        } else {
            collect()
        }
        return token
    }

    private func collect() {
        for completion in core.takeCompletions() {
            if let response = completion.response { answers[completion.token] = response }
        }
    }

    /// The answer, once.
    func answer(_ token: RequestToken) -> Response? { answers.removeValue(forKey: token) }

    func create(_ topic: TopicSpec) {
        partitionCounts[topic.name] = topic.partitions
        var settings = topic.settings
        settings["cleanup.policy"] = topic.cleanup.rawValue
        settings["segment.bytes"] = "16384"
        settings["segment.ms"] = nil
        let request = CreateTopicsRequest {
            $0.topics = [
                CreateTopicsRequest.Topic {
                    $0.name = topic.name
                    $0.partitionCount = topic.partitions
                    $0.replicationFactor = 1
                    $0.configs = settings.sorted { $0.key < $1.key }.map { item in
                        CreateTopicsRequest.Config {
                            $0.name = item.key
                            $0.value = item.value
                        }
                    }
                }
            ]
        }
        guard case .createTopics(let response) = answer(receive(.createTopics(request))),
            response.topics.allSatisfy({ $0.error == .none })
        else { preconditionFailure("the topic \(topic.name) cannot be created") }
    }

    // MARK: What the oracle asks, past network and faults

    func highWatermark(_ partition: TopicPartition) -> Int64 {
        core.log(partition.topic, partition.partition)?.endOffset ?? 0
    }

    func lastStableOffset(_ partition: TopicPartition) -> Int64 {
        core.log(partition.topic, partition.partition)?.lastStableOffset ?? 0
    }

    var partitions: [TopicPartition] {
        partitionCounts.sorted { $0.key < $1.key }.flatMap { topic, count in
            (0..<count).map { TopicPartition(topic: topic, partition: $0) }
        }
    }
}
