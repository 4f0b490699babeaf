import Kafka

/// Produces events to a topic, in order, many requests at a time but bounded in count and bytes.
actor KafkaSink: EventSink {
    /// Requests on their way; each has at most a portion of a file.
    private static let requestLimit = 64
    /// Bytes on their way; below the producer's own limit, so that its queue is never full.
    private static let byteLimit = 32 << 20

    private let producer: KafkaProducer
    private let topic: String
    private var requests: [(task: Task<Void, any Error>, bytes: Int)] = []
    private var bytes = 0

    init(_ producer: KafkaProducer, topic: String) {
        self.producer = producer
        self.topic = topic
    }

    func send(_ events: [ReplayEvent]) async throws {
        guard !events.isEmpty else { return }
        let size = events.reduce(0) { $0 + $1.value.count + ($1.key?.count ?? 0) }
        while requests.count >= Self.requestLimit || (bytes + size > Self.byteLimit && !requests.isEmpty) {
            try await finishFirst()
        }
        let records = events.map { OutgoingRecord(topic: topic, key: $0.key, value: $0.value) }
        // Begins at once, on this thread: the producer takes the records in the order of the calls.
        let task = Task.immediate { [producer] in _ = try await producer.send(records) }
        requests.append((task, size))
        bytes += size
    }

    func flush() async throws {
        while !requests.isEmpty { try await finishFirst() }
    }

    private func finishFirst() async throws {
        let (task, size) = requests.removeFirst()
        bytes -= size
        try await task.value
    }
}
