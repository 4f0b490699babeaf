import LocalBroker
import NIOCore
import Testing

@Suite struct TopicTests {
    private func describe(_ broker: Harness, _ name: String) throws -> [String: String] {
        let request = DescribeConfigsRequest {
            $0.resources = [
                DescribeConfigsRequest.Resource {
                    $0.type = 2
                    $0.name = name
                }
            ]
        }
        guard case .describeConfigs(let response) = try broker.call(.describeConfigs(request)) else { return [:] }
        let configs = try #require(response.results.first).configs
        return Dictionary(uniqueKeysWithValues: configs.map { ($0.name, $0.value ?? "") })
    }

    private func alter(_ broker: Harness, _ name: String, _ key: String, _ operation: Int8, _ value: String?) throws
        -> ErrorCode
    {
        let request = IncrementalAlterConfigsRequest {
            $0.resources = [
                IncrementalAlterConfigsRequest.Resource {
                    $0.type = 2
                    $0.name = name
                    $0.configs = [
                        IncrementalAlterConfigsRequest.Config {
                            $0.name = key
                            $0.operation = operation
                            $0.value = value
                        }
                    ]
                }
            ]
        }
        guard case .incrementalAlterConfigs(let response) = try broker.call(.incrementalAlterConfigs(request)) else {
            return .unknownServerError
        }
        return try #require(response.results.first).error
    }

    @Test func sizesOfLogsAreDescribed() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 2) == .none)
        #expect(try broker.createTopic("u") == .none)
        #expect(try broker.produce(broker.batch(["x"]), to: "t", 1).error == .none)
        func sizes(_ topics: [TopicPartitions]?) throws -> [[Int64]] {
            let request = DescribeLogDirsRequest { $0.topics = topics }
            guard case .describeLogDirs(let response) = try broker.call(.describeLogDirs(request)) else { return [] }
            return response.directories.flatMap(\.topics).map { $0.partitions.map(\.size) }
        }
        let all = try sizes(nil)
        #expect(all.map(\.count) == [2, 1])
        #expect(all[0][0] == 0 && all[0][1] > 0)
        let some = [
            TopicPartitions {
                $0.name = "t"
                $0.partitions = [1, 7]
            }
        ]
        #expect(try sizes(some) == [[all[0][1]]])
    }

    private func names(_ broker: Harness, _ requested: [String]?, autoCreate: Bool = true) throws -> [MetadataResponse
        .Topic]
    {
        let request = MetadataRequest {
            $0.topics = requested.map { names in names.map { name in MetadataRequest.Topic { $0.name = name } } }
            $0.allowAutoTopicCreation = autoCreate
        }
        guard case .metadata(let response) = try broker.call(.metadata(request)) else { return [] }
        return response.topics
    }

    @Test func topicsAreCreatedOnceAndChecked() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 3) == .none)
        #expect(try broker.createTopic("t") == .topicAlreadyExists)
        #expect(try broker.createTopic("") == .invalidTopic)
        #expect(try broker.createTopic("..") == .invalidTopic)
        #expect(try broker.createTopic("a/b") == .invalidTopic)
        #expect(try broker.createTopic(String(repeating: "x", count: 250)) == .invalidTopic)
        #expect(try broker.createTopic("u", partitions: 0) == .invalidPartitions)
        #expect(try broker.createTopic("u", partitions: .max) == .policyViolation)
        #expect(try broker.createTopic("u", configs: ["no.such": "1"]) == .invalidConfig)
        #expect(try broker.createTopic("u", configs: ["retention.ms": "soon"]) == .invalidConfig)
        #expect(try names(broker, nil).map(\.name) == ["t"])
        #expect(try names(broker, ["t"])[0].partitions.map(\.leaderID) == [1, 1, 1])
        #expect(try names(broker, ["u"])[0].error == .unknownTopicOrPartition)
        #expect(try names(broker, ["a/b"])[0].error == .invalidTopic)
    }

    @Test func topicsAreCreatedAutomaticallyOnlyWhenBothSidesWantIt() throws {
        var configuration = BrokerCoreConfiguration()
        configuration.createsTopicsAutomatically = true
        configuration.defaultPartitionCount = 4
        let broker = try Harness(configuration: configuration)
        #expect(try names(broker, ["a"], autoCreate: false)[0].error == .unknownTopicOrPartition)
        #expect(try names(broker, ["a"])[0].partitions.count == 4)
    }

    @Test func settingsAreDescribedAlteredAndKept() throws {
        let broker = try Harness()
        #expect(
            try broker.createTopic("t", configs: ["cleanup.policy": "compact", "max.message.bytes": "5000"]) == .none)
        #expect(try describe(broker, "t")["cleanup.policy"] == "compact")
        #expect(try describe(broker, "t")["retention.ms"] == "604800000")
        #expect(try alter(broker, "t", "retention.ms", 0, "77") == .none)
        #expect(try alter(broker, "t", "cleanup.policy", 2, "delete") == .none)
        #expect(try alter(broker, "t", "max.message.bytes", 1, nil) == .none)
        #expect(try alter(broker, "t", "retention.ms", 0, "x") == .invalidConfig)
        #expect(try alter(broker, "u", "retention.ms", 0, "1") == .unknownTopicOrPartition)
        for each in [broker, try broker.restarted()] {
            let configs = try describe(each, "t")
            #expect(configs["retention.ms"] == "77")
            #expect(configs["cleanup.policy"] == "compact,delete")
            #expect(configs["max.message.bytes"] == "1048588")
        }
    }

    /// As an Apache Kafka 3.9 answers each of these.
    @Test(
        arguments: [
            ("preallocate", "True", "true"), ("preallocate", " false ", "false"), ("preallocate", "yes", nil),
            ("retention.ms", " +5 ", "5"), ("retention.ms", "-1", "-1"), ("retention.ms", "-2", nil),
            ("retention.ms", "", nil),
            ("min.cleanable.dirty.ratio", "0", "0.0"), ("min.cleanable.dirty.ratio", "1.1", nil),
            ("cleanup.policy", " delete , compact", "delete,compact"), ("cleanup.policy", "", ""),
            ("cleanup.policy", "delete,", nil), ("cleanup.policy", "Compact", nil),
            ("compression.type", " gzip", "gzip"), ("compression.type", "GZIP", nil),
            ("compression.gzip.level", "-1", "-1"), ("compression.gzip.level", "0", nil),
            ("compression.gzip.level", "9", "9"), ("compression.gzip.level", "10", nil),
            ("leader.replication.throttled.replicas", "*", "*"),
            ("leader.replication.throttled.replicas", "1:1,2:2", "1:1,2:2"),
            ("leader.replication.throttled.replicas", "1:1;2", nil),
            ("remote.storage.enable", "False", "false"), ("remote.storage.enable", "TRUE", nil),
        ] as [(String, String, String?)]) func spellings(name: String, value: String, kept: String?) throws
    {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: [name: value]) == (kept == nil ? .invalidConfig : .none))
        #expect(try broker.createTopic("u") == .none)
        let before = try describe(broker, "u")
        #expect(try alter(broker, "u", name, 0, value) == (kept == nil ? .invalidConfig : .none))
        for each in [broker, try broker.restarted()] {
            #expect(try describe(each, "u")[name] == kept ?? before[name])
            if let kept { #expect(try describe(each, "t")[name] == kept) }
        }
    }

    @Test func settingsThatContradictEachOtherAreRefused() throws {
        let broker = try Harness()
        let contradiction = ["min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"]
        #expect(try broker.createTopic("t", configs: contradiction) == .invalidConfig)
        #expect(try broker.createTopic("t", configs: ["min.compaction.lag.ms": "10"]) == .none)
        #expect(try alter(broker, "t", "max.compaction.lag.ms", 0, "5") == .invalidConfig)
        #expect(try alter(broker, "t", "max.compaction.lag.ms", 0, "10") == .none)
    }

    @Test func listsAreAddedToAndTakenFrom() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let replicas = "follower.replication.throttled.replicas"
        #expect(try alter(broker, "t", replicas, 2, "0:1") == .none)
        #expect(try alter(broker, "t", replicas, 2, "1:1") == .none)
        #expect(try alter(broker, "t", replicas, 2, "0:1") == .none)
        #expect(try describe(broker, "t")[replicas] == "0:1,1:1")
        #expect(try alter(broker, "t", "cleanup.policy", 3, "delete") == .none)
        #expect(try describe(broker, "t")["cleanup.policy"] == "")
        #expect(try alter(broker, "t", "retention.ms", 2, "5") == .invalidConfig)
    }

    @Test func deletedTopicsAreGoneAndNewOnesOfTheirNameAreEmpty() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        _ = try broker.produce(broker.batch(["old"]), to: "t")
        #expect(try broker.commitOffset(group: "g", "t", offset: 1) == .none)
        let request = DeleteTopicsRequest { $0.names = ["t", "u"] }
        let waiting = broker.send(.fetch(Harness.fetchRequest("t", from: 1, maxWait: 5000)))
        guard case .deleteTopics(let response) = try broker.call(.deleteTopics(request)) else { return }
        #expect(response.topics.map(\.error) == [.none, .unknownTopicOrPartition])
        #expect(try Harness.partition(broker.answer(waiting)).error == .unknownTopicOrPartition)
        #expect(broker.storage.logs.isEmpty)
        #expect(try broker.createTopic("t") == .none)
        #expect(try broker.committedOffset(group: "g", "t").committedOffset == -1)
        for each in [broker, try broker.restarted()] {
            #expect(try each.consume("t", committed: false) == [])
            #expect(try each.fetch("t").highWatermark == 0)
        }
    }

    @Test func topicsGetMorePartitions() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 2) == .none)
        _ = try broker.produce(broker.batch(["a"]), to: "t", 1)
        func grow(_ name: String, to count: Int32, validateOnly: Bool = false) throws -> ErrorCode {
            let request = CreatePartitionsRequest {
                $0.validateOnly = validateOnly
                $0.topics = [
                    CreatePartitionsRequest.Topic {
                        $0.name = name
                        $0.count = count
                    }
                ]
            }
            guard case .createPartitions(let response) = try broker.call(.createPartitions(request)) else {
                throw Harness.Unexpected(response: "")
            }
            return try #require(response.results.first).error
        }
        #expect(try grow("u", to: 3) == .unknownTopicOrPartition)
        #expect(try grow("t", to: 2) == .invalidPartitions)
        #expect(try grow("t", to: 1_000_000) == .policyViolation)
        #expect(try grow("t", to: 5, validateOnly: true) == .none)
        #expect(try names(broker, ["t"])[0].partitions.count == 2)
        #expect(try grow("t", to: 5) == .none)
        #expect(try broker.produce(broker.batch(["b"]), to: "t", 4).error == .none)
        for each in [broker, try broker.restarted()] {
            #expect(try names(each, ["t"])[0].partitions.count == 5)
            #expect(try each.consume("t", 1, committed: true) == ["a"])
            #expect(try each.consume("t", 4, committed: true) == ["b"])
        }
    }

    @Test func deletedRecordsStayDeleted() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["segment.bytes": "300"]) == .none)
        for number in 0..<20 { _ = try broker.produce(broker.batch(["\(number)"]), to: "t") }
        func delete(_ offset: Int64) throws -> DeleteRecordsResponse.Partition {
            let request = DeleteRecordsRequest {
                $0.topics = [
                    DeleteRecordsRequest.Topic {
                        $0.name = "t"
                        $0.partitions = [DeleteRecordsRequest.Partition { $0.offset = offset }]
                    }
                ]
            }
            guard case .deleteRecords(let response) = try broker.call(.deleteRecords(request)) else {
                throw Harness.Unexpected(response: "")
            }
            return try #require(response.topics.first?.partitions.first)
        }
        let before = broker.core.log("t", 0)?.byteCount ?? 0
        #expect(try delete(21).error == .offsetOutOfRange)
        #expect(try delete(15).lowWatermark == 15)
        #expect((broker.core.log("t", 0)?.byteCount ?? 0) < before)
        for each in [broker, try broker.restarted()] {
            #expect(try each.fetch("t", from: 14).error == .offsetOutOfRange)
            #expect(try each.consume("t", from: 15, committed: true) == ["15", "16", "17", "18", "19"])
            #expect(try each.listOffset("t", timestamp: -2).offset == 15)
        }
        #expect(try delete(-1).lowWatermark == 20)
        #expect(try broker.restarted().listOffset("t", timestamp: -2).offset == 20)
    }

    @Test func oldSegmentsAreDeletedByAge() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["segment.bytes": "300", "retention.ms": "600000"]) == .none)
        #expect(try broker.createTopic("kept", configs: ["segment.bytes": "300", "retention.ms": "-1"]) == .none)
        for number in 0..<10 {
            for name in ["t", "kept"] { _ = try broker.produce(broker.batch(["\(number)"]), to: name) }
            broker.advance(by: 100_000)
        }
        let start = try broker.listOffset("t", timestamp: -2).offset
        #expect(start > 0 && start < 6)
        #expect(try broker.listOffset("kept", timestamp: -2).offset == 0)
        broker.advance(by: 3_600_000)
        #expect(try broker.listOffset("t", timestamp: -2).offset == 10)
        #expect(try broker.restarted().listOffset("t", timestamp: -1).offset == 10, "the end does not go back")
        #expect(try broker.produce(broker.batch(["new"]), to: "t").baseOffset == 10)
    }

    @Test func oldSegmentsAreDeletedBySizeButNotUnderAnOpenTransaction() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["segment.bytes": "300", "retention.bytes": "600"]) == .none)
        let producer = try broker.producer("tx", timeout: 900_000)
        #expect(try broker.addPartition(producer, "t") == .none)
        _ = try broker.produce(broker.batch(["open"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
        for number in 0..<50 { _ = try broker.produce(broker.batch(["\(number)"]), to: "t") }
        broker.advance(by: 120_000)
        #expect(try broker.listOffset("t", timestamp: -2).offset == 0)
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        broker.advance(by: 120_000)
        #expect(try broker.listOffset("t", timestamp: -2).offset > 0)
        #expect((broker.core.log("t", 0)?.byteCount ?? 0) <= 900)
    }

    @Test func idleProducersAreForgotten() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let producer = try broker.producer()
        _ = try broker.produce(broker.batch(["a"], producer: producer, sequence: 0), to: "t")
        broker.time.wall += 86_400_001
        broker.advance(by: 120_000)
        // Forgotten: any sequence is a beginning.
        #expect(try broker.produce(broker.batch(["b"], producer: producer, sequence: 40), to: "t").error == .none)
    }
}
