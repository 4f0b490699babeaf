import LocalBroker
import NIOCore
import Testing

/// Frames of all kinds of badness: the engine answers them, or closes the connection; it never traps and never loses count.
@Suite struct FuzzTests {
    private let time = BrokerTime(wall: 1_700_000_000_000, monotonic: 0)

    private func engine() throws -> ProtocolEngine {
        var configuration = BrokerCoreConfiguration()
        configuration.createsTopicsAutomatically = true
        configuration.maximumPartitions = 100
        return ProtocolEngine(core: try BrokerCore(configuration: configuration, storage: MemoryStorage(), time: time))
    }

    private func frame(_ key: Int16, _ version: Int16, _ correlation: Int32, flexible: Bool, body: [ByteBuffer])
        -> ByteBuffer
    {
        var frame = ByteBuffer()
        frame.writeInteger(key)
        frame.writeInteger(version)
        frame.writeInteger(correlation)
        frame.writeInteger(4 as Int16)
        frame.writeString("fuzz")
        if flexible { frame.writeInteger(0 as UInt8) }
        for part in body { frame.writeImmutableBuffer(part) }
        return frame
    }

    private func run(_ engine: ProtocolEngine, _ frame: ByteBuffer, _ number: UInt64) -> [ProtocolEngine.Output] {
        let connection = ConnectionID(number)
        engine.open(connection, host: "127.0.0.1")
        engine.receive(frame, from: connection, at: time)
        defer { engine.close(connection) }
        return engine.takeOutputs()
    }

    @Test func randomBytes() throws {
        var random = Seeded(11)
        let engine = try engine()
        for number in 0..<30_000 as Range<UInt64> {
            var frame = ByteBuffer()
            // Mostly an API that exists, in a version that exists.
            let key = APIKey.allCases.randomElement(using: &random) ?? .produce
            if Int.random(in: 0..<10, using: &random) > 0 {
                frame.writeInteger(key.rawValue)
                frame.writeInteger(Int16.random(in: key.versions, using: &random))
                frame.writeInteger(Int32(truncatingIfNeeded: number))
                frame.writeInteger(-1 as Int16)
            }
            for _ in 0..<Int.random(in: 0...100, using: &random) {
                let isSmall = Int.random(in: 0..<4, using: &random) > 0
                frame.writeInteger(
                    isSmall ? UInt8.random(in: 0...3, using: &random) : .random(in: .min ... .max, using: &random))
            }
            #expect(run(engine, frame, number).count <= 1)
        }
        #expect(engine.core.nextDeadline() != nil)
    }

    /// Sensible requests with a few bytes changed, which get further than noise.
    @Test func mutatedRequests() throws {
        var random = Seeded(13)
        let engine = try engine()
        let requests = try Self.sensibleRequests()
        var closed = 0
        var answered = 0
        for number in 0..<20_000 as Range<UInt64> {
            let request = requests[Int.random(in: 0..<requests.count, using: &random)]
            let version = Int16.random(in: request.key.versions, using: &random)
            var encoder = WireEncoder(version: version, flexible: request.key.isFlexible(version))
            try request.encode(into: &encoder)
            var bytes = frame(
                request.key.rawValue, version, Int32(truncatingIfNeeded: number),
                flexible: request.key.isFlexible(version),
                body: encoder.finish())
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let position = Int.random(in: 4..<bytes.readableBytes, using: &random)
                bytes.setInteger(UInt8.random(in: .min ... .max, using: &random), at: position)
            }
            if Int.random(in: 0..<20, using: &random) == 0 {
                bytes = bytes.getSlice(at: 0, length: Int.random(in: 0..<bytes.readableBytes, using: &random)) ?? bytes
            }
            for output in run(engine, bytes, number) {
                if case .close = output { closed += 1 } else { answered += 1 }
            }
            engine.advance(to: BrokerTime(wall: time.wall + Int64(number), monotonic: Int64(number) * 10))
            _ = engine.takeOutputs()
        }
        #expect(closed > 100)
        #expect(answered > 1000)
    }

    private static func sensibleRequests() throws -> [Request] {
        let harness = try Harness()
        let producer = Harness.Producer(transactionalID: "tx", id: 0, epoch: 0)
        let topicNames = ["a", "b"]
        var requests: [Request] = [
            .apiVersions(APIVersionsRequest { $0.clientSoftwareName = "fuzz" }),
            .metadata(
                MetadataRequest { $0.topics = topicNames.map { name in MetadataRequest.Topic { $0.name = name } } }),
            .metadata(MetadataRequest()),
            .fetch(Harness.fetchRequest("a", from: 0, committed: true, maxWait: 10)),
            .findCoordinator(FindCoordinatorRequest { $0.key = "g" }),
            .joinGroup(harness.joinRequest("g", instance: "i")),
            .joinGroup(harness.joinRequest("g")),
            .syncGroup(SyncGroupRequest { $0.groupID = "g" }),
            .heartbeat(HeartbeatRequest { $0.groupID = "g" }),
            .leaveGroup(LeaveGroupRequest { $0.groupID = "g" }),
            .listGroups(ListGroupsRequest()), .describeLogDirs(DescribeLogDirsRequest()),
            .describeGroups(DescribeGroupsRequest { $0.groups = ["g"] }),
            .deleteGroups(DeleteGroupsRequest { $0.groups = ["h"] }),
            .initProducerID(
                InitProducerIDRequest {
                    $0.transactionalID = "tx"
                    $0.transactionTimeout = 1000
                }),
            .deleteTopics(DeleteTopicsRequest { $0.names = ["b"] }),
            .describeConfigs(
                DescribeConfigsRequest {
                    $0.resources = [
                        DescribeConfigsRequest.Resource {
                            $0.type = 2
                            $0.name = "a"
                        }
                    ]
                }),
            .endTxn(
                EndTxnRequest {
                    $0.transactionalID = "tx"
                    $0.isCommit = true
                }),
            .addOffsetsToTxn(
                AddOffsetsToTxnRequest {
                    $0.transactionalID = "tx"
                    $0.groupID = "g"
                }),
            .addPartitionsToTxn(
                AddPartitionsToTxnRequest {
                    $0.transactionalID = "tx"
                    $0.topics = [
                        AddPartitionsToTxnRequest.Topic {
                            $0.name = "a"
                            $0.partitions = [0]
                        }
                    ]
                }),
            .listOffsets(
                ListOffsetsRequest {
                    $0.topics = [
                        ListOffsetsRequest.Topic {
                            $0.name = "a"
                            $0.partitions = [ListOffsetsRequest.Partition { $0.timestamp = 5 }]
                        }
                    ]
                }),
            .deleteRecords(
                DeleteRecordsRequest {
                    $0.topics = [
                        DeleteRecordsRequest.Topic {
                            $0.name = "a"
                            $0.partitions = [DeleteRecordsRequest.Partition { $0.offset = 1 }]
                        }
                    ]
                }),
            .createTopics(
                CreateTopicsRequest {
                    $0.topics = [
                        CreateTopicsRequest.Topic {
                            $0.name = "a"
                            $0.partitionCount = 1
                            $0.replicationFactor = 1
                            $0.configs = [
                                CreateTopicsRequest.Config {
                                    $0.name = "segment.bytes"
                                    $0.value = "1000"
                                }
                            ]
                        }
                    ]
                }),
        ]
        for transactionalID in [nil, "tx"] as [String?] {
            requests.append(
                .produce(
                    ProduceRequest {
                        $0.transactionalID = transactionalID
                        $0.topics = [
                            ProduceRequest.Topic {
                                $0.name = "a"
                                $0.partitions = [
                                    ProduceRequest.Partition {
                                        $0.records = harness.batch(
                                            ["v", "w"], producer: transactionalID == nil ? nil : producer,
                                            sequence: transactionalID == nil ? nil : 0)
                                    }
                                ]
                            }
                        ]
                    }))
        }
        return requests
    }

    @Test func unknownAPIsAreClosedAndUnknownVersionsOfApiVersionsAnswered() throws {
        let engine = try engine()
        for (key, version) in [(99, 0), (0, 9), (1, 3), (17, 0), (-1, 0), (3, -1)] as [(Int16, Int16)] {
            let outputs = run(engine, frame(key, version, 1, flexible: false, body: []), UInt64(bitPattern: Int64(key)))
            guard outputs.count == 1, case .close = outputs[0] else {
                Issue.record("api \(key) version \(version) gave \(outputs)")
                continue
            }
        }
        let outputs = run(engine, frame(18, 9, 77, flexible: true, body: []), 1)
        guard outputs.count == 1, case .response(_, let parts) = outputs[0] else {
            Issue.record("no answer")
            return
        }
        var answer = ByteBuffer()
        for part in parts { answer.writeImmutableBuffer(part) }
        #expect(answer.readInteger(as: Int32.self).map(Int.init) == answer.readableBytes)
        #expect(answer.readInteger(as: Int32.self) == 77)
        var decoder = WireDecoder(answer, version: 0, flexible: false)
        guard case .apiVersions(let response) = try Response.decode(.apiVersions, from: &decoder) else { return }
        #expect(response.error == .unsupportedVersion)
        #expect(response.apis.contains { $0.key == 0 && $0.minimum == 0 && $0.maximum == 8 })
    }

    /// Requests of one connection are answered in order, also when the first has to wait.
    @Test func responsesKeepTheOrderOfTheRequests() throws {
        let engine = try engine()
        let connection = ConnectionID(1)
        engine.open(connection, host: "127.0.0.1")
        func send(_ request: Request, _ correlation: Int32) throws {
            var encoder = WireEncoder(version: request.key.versions.lowerBound, flexible: false)
            try request.encode(into: &encoder)
            engine.receive(
                frame(
                    request.key.rawValue, request.key.versions.lowerBound, correlation, flexible: false,
                    body: encoder.finish()),
                from: connection, at: time)
        }
        try send(.metadata(MetadataRequest { $0.topics = [MetadataRequest.Topic { $0.name = "a" }] }), 1)
        try send(.fetch(Harness.fetchRequest("a", from: 0, maxWait: 500)), 2)
        try send(.metadata(MetadataRequest()), 3)
        func correlations() -> [Int32] {
            engine.takeOutputs().compactMap { output in
                guard case .response(_, let parts) = output else { return nil }
                var all = ByteBuffer()
                for part in parts { all.writeImmutableBuffer(part) }
                return all.getInteger(at: 4, as: Int32.self)
            }
        }
        #expect(correlations() == [1])
        engine.advance(to: BrokerTime(wall: time.wall, monotonic: 499))
        #expect(correlations() == [])
        engine.advance(to: BrokerTime(wall: time.wall, monotonic: 500))
        #expect(correlations() == [2, 3])
    }
}
