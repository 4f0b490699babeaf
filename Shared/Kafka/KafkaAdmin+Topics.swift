internal import CRdkafka

/// A topic to be created.
public struct NewTopic: Sendable {
    public var name: String
    /// Above zero.
    public var partitions: Int32
    /// -1 takes the broker's default.
    public var replicationFactor: Int32
    /// Topic settings by name (`cleanup.policy`).
    public var configuration: [String: String]

    public init(
        name: String, partitions: Int32, replicationFactor: Int32 = -1, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// A topic as the cluster's metadata have it.
public struct TopicDescription: Sendable {
    public struct Partition: Sendable {
        public var id: Int32
        /// Broker id; -1 without a leader.
        public var leader: Int32
        public var replicas: [Int32]
        public var inSync: [Int32]
    }

    public var name: String
    /// In ascending order of their ids.
    public var partitions: [Partition]
}

public struct BrokerDescription: Hashable, Sendable {
    public var id: Int32
    public var host: String
    public var port: Int32
}

extension KafkaAdmin {
    /// Creates topics; each succeeds or fails on its own.
    ///
    /// - Returns: what failed, by topic; `KafkaError.Code.topicExists` is the expected one.
    /// - Throws: when the request as a whole failed.
    public func createTopics(
        _ topics: [NewTopic], _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [String: KafkaError] {
        guard !topics.isEmpty else { return [:] }
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            var natives: [OpaquePointer?] = unsafe []
            defer { unsafe natives.forEach { unsafe rd_kafka_NewTopic_destroy($0) } }
            for topic in topics { unsafe natives.append(try topic.native()) }
            let event = try unsafe AdminEvent("create topics", RD_KAFKA_ADMIN_OP_CREATETOPICS, handle, deadline) {
                unsafe rd_kafka_CreateTopics($0, &natives, natives.count, $1, $2)
            }
            return unsafe event.read { event in
                var count = 0
                let results = unsafe rd_kafka_CreateTopics_result_topics(
                    rd_kafka_event_CreateTopics_result(event), &count)
                return unsafe failures(results, count, "create topic")
            }
        }
    }

    /// Deletes topics; each succeeds or fails on its own.
    ///
    /// - Returns: what failed, by topic.
    public func deleteTopics(
        _ names: [String], _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [String: KafkaError] {
        guard !names.isEmpty else { return [:] }
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            var natives: [OpaquePointer?] = unsafe names.map { unsafe rd_kafka_DeleteTopic_new($0) }
            defer { unsafe natives.forEach { unsafe rd_kafka_DeleteTopic_destroy($0) } }
            let event = try unsafe AdminEvent("delete topics", RD_KAFKA_ADMIN_OP_DELETETOPICS, handle, deadline) {
                unsafe rd_kafka_DeleteTopics($0, &natives, natives.count, $1, $2)
            }
            return unsafe event.read { event in
                var count = 0
                let results = unsafe rd_kafka_DeleteTopics_result_topics(
                    rd_kafka_event_DeleteTopics_result(event), &count)
                return unsafe failures(results, count, "delete topic")
            }
        }
    }

    /// All topics of the cluster, internal ones included, by name.
    public func topics(
        _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [String: TopicDescription] {
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            try ClusterMetadata(handle, deadline).topics
        }
    }

    /// The brokers that the cluster's metadata name.
    public func brokers(
        _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [BrokerDescription] {
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            try ClusterMetadata(handle, deadline).brokers
        }
    }
}

private func failures(
    _ results: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int, _ operation: String
) -> [String: KafkaError] {
    var failures: [String: KafkaError] = [:]
    unsafe UnsafeBufferPointer(start: results, count: count).forEach { result in
        let code = unsafe rd_kafka_topic_result_error(result)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        let name = unsafe String(cString: rd_kafka_topic_result_name(result))
        let reason = unsafe rd_kafka_topic_result_error_string(result).map { unsafe String(cString: $0) }
        failures[name] = KafkaError(code, operation: "\(operation) \(name)", reason: reason)
    }
    return failures
}

extension NewTopic {
    /// The caller destroys the result.
    fileprivate func native() throws(KafkaError) -> OpaquePointer {
        var text = [CChar](repeating: 0, count: 256)
        guard let topic = unsafe rd_kafka_NewTopic_new(name, partitions, replicationFactor, &text, text.count) else {
            let reason = String(nulTerminated: text)
            throw KafkaError(code: .invalidArgument, operation: "create topic \(name)", reason: reason)
        }
        for (setting, value) in configuration {
            let code = unsafe rd_kafka_NewTopic_set_config(topic, setting, value)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                unsafe rd_kafka_NewTopic_destroy(topic)
                throw KafkaError(code, operation: "set \(setting) of topic \(name)")
            }
        }
        return unsafe topic
    }
}

/// A copy of the cluster's metadata.
private struct ClusterMetadata {
    var topics: [String: TopicDescription] = [:]
    var brokers: [BrokerDescription] = []

    init(_ handle: ClientHandle, _ deadline: Deadline) throws(KafkaError) {
        var result: UnsafePointer<rd_kafka_metadata>?
        let limit = deadline.limited(to: .seconds(3_600)).milliseconds
        let code = unsafe rd_kafka_metadata(handle.pointer, 1, nil, &result, limit)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = unsafe result else {
            throw KafkaError(code, operation: "fetch the cluster's metadata")
        }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        let brokerCount = unsafe Int(metadata.pointee.broker_cnt)
        brokers = unsafe UnsafeBufferPointer(start: metadata.pointee.brokers, count: brokerCount).map { broker in
            unsafe BrokerDescription(id: broker.id, host: String(cString: broker.host), port: broker.port)
        }
        let topicCount = unsafe Int(metadata.pointee.topic_cnt)
        unsafe UnsafeBufferPointer(start: metadata.pointee.topics, count: topicCount).forEach { topic in
            guard unsafe topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
            let description = unsafe TopicDescription(topic)
            topics[description.name] = description
        }
    }
}

extension TopicDescription {
    fileprivate init(_ topic: rd_kafka_metadata_topic) {
        let all = unsafe UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt))
        let partitions = unsafe all.map { partition in
            let replicas = unsafe UnsafeBufferPointer(start: partition.replicas, count: Int(partition.replica_cnt))
            let inSync = unsafe UnsafeBufferPointer(start: partition.isrs, count: Int(partition.isr_cnt))
            return unsafe Partition(
                id: partition.id, leader: partition.leader, replicas: Array(replicas), inSync: Array(inSync))
        }
        unsafe self.init(name: String(cString: topic.topic), partitions: partitions.sorted { $0.id < $1.id })
    }
}
