extension BrokerCore {
    func metadata(_ request: MetadataRequest) -> MetadataResponse {
        let names: [String]
        if let requested = request.topics {
            names = requested.map(\.name)
        } else {
            names = topics.keys.sorted()
        }
        return MetadataResponse { response in
            response.brokers = [
                MetadataResponse.Broker {
                    $0.nodeID = configuration.nodeID
                    $0.host = configuration.host
                    $0.port = configuration.port
                }
            ]
            response.clusterID = clusterID
            response.controllerID = configuration.nodeID
            response.topics = names.map { name in
                if topics[name] == nil, Self.isValidTopicName(name), configuration.createsTopicsAutomatically,
                    request.allowAutoTopicCreation
                {
                    var topic = CreateTopicsRequest.Topic()
                    topic.name = name
                    topic.partitionCount = -1
                    topic.replicationFactor = -1
                    _ = create(topic, validateOnly: false)
                }
                return describe(name)
            }
        }
    }

    private func describe(_ name: String) -> MetadataResponse.Topic {
        MetadataResponse.Topic { result in
            result.name = name
            guard let topic = topics[name] else {
                result.error = Self.isValidTopicName(name) ? .unknownTopicOrPartition : .invalidTopic
                return
            }
            result.partitions = topic.partitions.indices.map { index in
                MetadataResponse.Partition {
                    $0.index = Int32(index)
                    $0.leaderID = configuration.nodeID
                    $0.leaderEpoch = PartitionLog.leaderEpoch
                    $0.replicas = [configuration.nodeID]
                    $0.inSyncReplicas = [configuration.nodeID]
                }
            }
        }
    }

    static func isValidTopicName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 249, name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    func createTopics(_ request: CreateTopicsRequest) -> CreateTopicsResponse {
        var seen: [String: Int] = [:]
        for topic in request.topics { seen[topic.name, default: 0] += 1 }
        return CreateTopicsResponse { response in
            response.topics = request.topics.map { topic in
                let problem: (ErrorCode, String)? =
                    seen[topic.name] == 1
                    ? create(topic, validateOnly: request.validateOnly)
                    : (.invalidRequest, "the topic is named more than once in the request")
                return CreateTopicsResponse.Topic {
                    $0.name = topic.name
                    if let problem {
                        $0.error = problem.0
                        $0.errorMessage = problem.1
                    }
                }
            }
        }
    }

    /// Creates a topic; what is wrong with the request otherwise.
    private func create(_ topic: CreateTopicsRequest.Topic, validateOnly: Bool) -> (ErrorCode, String)? {
        guard Self.isValidTopicName(topic.name) else {
            return (.invalidTopic, "a topic's name has 1 to 249 of the characters a-z A-Z 0-9 . _ -")
        }
        guard topics[topic.name] == nil else { return (.topicAlreadyExists, "Topic '\(topic.name)' already exists.") }
        var count = topic.partitionCount
        if topic.assignments.isEmpty {
            if count == -1 { count = configuration.defaultPartitionCount }
            guard topic.replicationFactor == -1 || topic.replicationFactor == 1 else {
                return (.invalidReplicationFactor, "this broker is one node: the replication factor is 1")
            }
        } else {
            guard count == -1, topic.replicationFactor == -1 else {
                return (.invalidRequest, "with a replica assignment, partitions and replication factor must be -1")
            }
            count = Int32(topic.assignments.count)
            let expected = Set(0..<count)
            guard Set(topic.assignments.map(\.partition)) == expected,
                topic.assignments.allSatisfy({ $0.brokers == [configuration.nodeID] })
            else { return (.invalidReplicaAssignment, "every partition must be on node \(configuration.nodeID)") }
        }
        guard count > 0 else { return (.invalidPartitions, "Number of partitions must be larger than 0.") }
        let existing = topics.values.reduce(0) { $0 + $1.partitions.count }
        guard Int(count) <= configuration.maximumPartitions - existing else {
            return (.policyViolation, "this broker has at most \(configuration.maximumPartitions) partitions")
        }
        var configs = TopicConfiguration(defaults: configuration.topicDefaults)
        for config in topic.configs {
            guard let value = config.value else {
                return (.invalidConfig, "Null value not supported for topic configs: \(config.name)")
            }
            configs.set(config.name, to: value)
        }
        do throws(TopicConfiguration.Invalid) {
            try configs.validate()
        } catch {
            return (.invalidConfig, error.reason)
        }
        guard !validateOnly else { return nil }
        let record = TopicRecord {
            $0.topicID = nextTopicID
            $0.name = topic.name
            $0.partitionCount = count
            $0.configs = configs.overrides.sorted { $0.key < $1.key }.map { item in
                TopicRecord.Config {
                    $0.name = item.key
                    $0.value = item.value
                }
            }
        }
        do {
            try commit(.topic(record))
        } catch {
            return (.storageError, error.description)
        }
        return nil
    }

    func createPartitions(_ request: CreatePartitionsRequest) -> CreatePartitionsResponse {
        var seen: [String: Int] = [:]
        for topic in request.topics { seen[topic.name, default: 0] += 1 }
        return CreatePartitionsResponse { response in
            response.results = request.topics.map { topic in
                let problem: (ErrorCode, String)? =
                    seen[topic.name] == 1
                    ? addPartitions(topic, validateOnly: request.validateOnly)
                    : (.invalidRequest, "the topic is named more than once in the request")
                return CreatePartitionsResponse.Result {
                    $0.name = topic.name
                    $0.error = problem?.0 ?? .none
                    $0.errorMessage = problem?.1
                }
            }
        }
    }

    private func addPartitions(
        _ request: CreatePartitionsRequest.Topic, validateOnly: Bool
    ) -> (ErrorCode, String)? {
        guard let topic = topics[request.name] else {
            return (.unknownTopicOrPartition, "The topic '\(request.name)' does not exist.")
        }
        let count = topic.partitions.count
        guard Int(request.count) > count else {
            return (
                .invalidPartitions,
                "The topic \(request.name) currently has \(count) partition(s); \(request.count) would not be an increase."
            )
        }
        let existing = topics.values.reduce(0) { $0 + $1.partitions.count }
        guard Int(request.count) - count <= configuration.maximumPartitions - existing else {
            return (.policyViolation, "this broker has at most \(configuration.maximumPartitions) partitions")
        }
        if let assignments = request.assignments {
            guard assignments.count == Int(request.count) - count,
                assignments.allSatisfy({ $0.brokers == [configuration.nodeID] })
            else { return (.invalidReplicaAssignment, "every new partition must be on node \(configuration.nodeID)") }
        }
        guard !validateOnly else { return nil }
        var record = Self.record(topic)
        record.partitionCount = request.count
        do {
            try commit(.topic(record))
        } catch {
            return (.storageError, error.description)
        }
        return nil
    }

    func deleteTopics(_ request: DeleteTopicsRequest) -> DeleteTopicsResponse {
        DeleteTopicsResponse { response in
            response.topics = request.names.map { name in
                DeleteTopicsResponse.Topic {
                    $0.name = name
                    $0.error = delete(name)
                }
            }
        }
    }

    private func delete(_ name: String) -> ErrorCode {
        guard let topic = topics[name] else { return .unknownTopicOrPartition }
        do {
            try commit(.topicDeleted(TopicDeletedRecord { $0.topicID = topic.id }))
        } catch {
            return .storageError
        }
        for log in topic.partitions {
            endCompaction(of: log)
            // The journal has the last word; what is left on disk is deleted at the next start.
            try? storage.deleteLog(log.id)
            grownLogs.append(log)
        }
        return .none
    }

    func deleteRecords(_ request: DeleteRecordsRequest) -> DeleteRecordsResponse {
        DeleteRecordsResponse { response in
            response.topics = request.topics.map { topic in
                DeleteRecordsResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        DeleteRecordsResponse.Partition {
                            $0.index = partition.index
                            guard let log = log(topic.name, partition.index) else {
                                $0.error = .unknownTopicOrPartition
                                return
                            }
                            let offset = partition.offset == -1 ? log.endOffset : partition.offset
                            guard offset >= 0, offset <= log.endOffset else {
                                $0.error = .offsetOutOfRange
                                return
                            }
                            $0.error = delete(log, before: offset)
                            $0.lowWatermark = log.startOffset
                        }
                    }
                }
            }
        }
    }

    private func delete(_ log: PartitionLog, before offset: Int64) -> ErrorCode {
        guard offset > log.startOffset else { return .none }
        do {
            try commit(
                .startOffset(
                    StartOffsetRecord {
                        $0.topicID = log.id.topicID
                        $0.partition = log.id.partition
                        $0.offset = offset
                    }))
            endCompaction(of: log)
            try log.advanceStart(to: offset)
        } catch {
            return .storageError
        }
        return .none
    }
}
