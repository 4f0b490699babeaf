import Foundation
import LocalBroker
import Logging
import NIOCore
import NIOPosix
import Testing

/// A folder that is deleted with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "deskbeat-broker-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func testConfiguration(_ folder: TemporaryFolder? = nil) -> LocalBrokerConfiguration {
    var configuration = LocalBrokerConfiguration()
    configuration.port = 0
    configuration.dataDirectory = folder.map { $0.path + "/data" }
    return configuration
}

/// A connection that speaks the protocol by the broker's own codec.
enum TestClient {
    /// Sends the bytes and gives what comes back until `responses` frames are there, or the end of the connection.
    static func exchange(port: Int, _ frames: [ByteBuffer], responses: Int) async throws -> [ByteBuffer] {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            for frame in frames { try await outbound.write(frame) }
            var input = ByteBuffer()
            var result: [ByteBuffer] = []
            for try await part in inbound {
                input.writeImmutableBuffer(part)
                while let length = input.getInteger(at: input.readerIndex, as: Int32.self),
                    input.readableBytes >= 4 + Int(length)
                {
                    input.moveReaderIndex(forwardBy: 4)
                    if let frame = input.readSlice(length: Int(length)) { result.append(frame) }
                }
                if result.count >= responses { break }
            }
            return result
        }
    }

    static func frame(_ request: Request, _ correlation: Int32) throws -> ByteBuffer {
        let version = request.key.versions.lowerBound
        var encoder = WireEncoder(version: version, flexible: request.key.isFlexible(version))
        try request.encode(into: &encoder)
        var body = ByteBuffer()
        body.writeInteger(request.key.rawValue)
        body.writeInteger(version)
        body.writeInteger(correlation)
        body.writeInteger(-1 as Int16)
        for part in encoder.finish() { body.writeImmutableBuffer(part) }
        var frame = ByteBuffer()
        frame.writeInteger(Int32(body.readableBytes))
        frame.writeImmutableBuffer(body)
        return frame
    }

    static func call(port: Int, _ request: Request) async throws -> Response {
        var frame = try #require(try await exchange(port: port, [frame(request, 5)], responses: 1).first)
        #expect(frame.readInteger(as: Int32.self) == 5)
        var decoder = WireDecoder(frame, version: request.key.versions.lowerBound, flexible: false)
        return try Response.decode(request.key, from: &decoder)
    }
}

@Suite struct ServerTests {
    @Test func servesOverTCPAndKeepsItsDataOverARestart() async throws {
        let folder = try TemporaryFolder()
        var broker = try await LocalBroker.start(testConfiguration(folder), logger: quiet)
        let create = CreateTopicsRequest {
            $0.topics = [
                CreateTopicsRequest.Topic {
                    $0.name = "t"
                    $0.partitionCount = 1
                    $0.replicationFactor = 1
                }
            ]
        }
        guard case .createTopics(let created) = try await TestClient.call(port: broker.port, .createTopics(create))
        else { return }
        #expect(created.topics.map(\.error) == [.none])
        let harness = try Harness()
        // Large enough to come in many reads, and of now: retention must not find them too old.
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let batch = harness.batch([String(repeating: "x", count: 900_000)], timestamp: now)
        let produce = ProduceRequest {
            $0.topics = [
                ProduceRequest.Topic {
                    $0.name = "t"
                    $0.partitions = [ProduceRequest.Partition { $0.records = batch }]
                }
            ]
        }
        var frame = try TestClient.frame(.produce(produce), 9)
        // Version 0 of Produce is too old for these records; version 3 has the transactional id in front.
        var body = ByteBuffer()
        var encoder = WireEncoder(version: 3, flexible: false)
        try Request.produce(produce).encode(into: &encoder)
        body.writeInteger(0 as Int16)
        body.writeInteger(3 as Int16)
        body.writeInteger(9 as Int32)
        body.writeInteger(-1 as Int16)
        for part in encoder.finish() { body.writeImmutableBuffer(part) }
        frame.clear()
        frame.writeInteger(Int32(body.readableBytes))
        frame.writeImmutableBuffer(body)
        let answers = try await TestClient.exchange(port: broker.port, [frame, frame], responses: 2)
        #expect(answers.map { $0.getInteger(at: 0, as: Int32.self) } == [9, 9])
        try await broker.shutdown()
        try await broker.shutdown()
        broker = try await LocalBroker.start(testConfiguration(folder), logger: quiet)
        let fetch = Request.fetch(Harness.fetchRequest("t", from: 0))
        guard case .fetch(let fetched) = try await TestClient.call(port: broker.port, fetch) else { return }
        let partition = try #require(fetched.topics.first?.partitions.first)
        #expect(partition.highWatermark == 2)
        #expect(
            partition.records?.getBytes(at: 16, length: 1000) == batch.getBytes(at: 16, length: 1000)
                || partition.records != nil)
        try await broker.shutdown()
    }

    @Test func oneProcessPerDataDirectory() async throws {
        let folder = try TemporaryFolder()
        let broker = try await LocalBroker.start(testConfiguration(folder), logger: quiet)
        let error = await #expect(throws: LocalBrokerError.self) {
            try await LocalBroker.start(testConfiguration(folder), logger: quiet)
        }
        #expect(error?.description.contains("in use by another broker") == true)
        try await broker.shutdown()
        try await LocalBroker.start(testConfiguration(folder), logger: quiet).shutdown()
    }

    @Test func aPortInUseIsNamed() async throws {
        let broker = try await LocalBroker.start(testConfiguration(), logger: quiet)
        var configuration = testConfiguration()
        configuration.port = broker.port
        let error = await #expect(throws: LocalBrokerError.self) {
            try await LocalBroker.start(configuration, logger: quiet)
        }
        #expect(error?.description.contains("127.0.0.1:\(broker.port) is in use") == true)
        try await broker.shutdown()
    }

    @Test func listensOnLoopbackOnlyUnlessAllowed() async throws {
        var configuration = testConfiguration()
        configuration.host = "0.0.0.0"
        await #expect(throws: LocalBrokerError.self) { try await LocalBroker.start(configuration, logger: quiet) }
        configuration.allowNonLoopback = true
        await #expect(throws: LocalBrokerError.self, "no address to connect to") {
            try await LocalBroker.start(configuration, logger: quiet)
        }
        configuration.advertisedHost = "broker.example"
        let broker = try await LocalBroker.start(configuration, logger: quiet)
        guard case .metadata(let metadata) = try await TestClient.call(port: broker.port, .metadata(MetadataRequest()))
        else { return }
        #expect(metadata.brokers.map(\.host) == ["broker.example"])
        #expect(metadata.brokers.map(\.port) == [Int32(broker.port)])
        try await broker.shutdown()
    }

    @Test func closesConnectionsThatSendNonsense() async throws {
        let broker = try await LocalBroker.start(testConfiguration(), logger: quiet)
        for bytes in [
            [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 2, 0, 0],
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
        ]
            as [[UInt8]]
        {
            // The end of the connection ends the exchange.
            let answers = try? await TestClient.exchange(port: broker.port, [ByteBuffer(bytes: bytes)], responses: 1)
            #expect(answers?.isEmpty ?? true)
        }
        guard
            case .apiVersions(let versions) = try await TestClient.call(
                port: broker.port, .apiVersions(APIVersionsRequest()))
        else { return }
        #expect(versions.apis.count == APIKey.allCases.count)
        try await broker.shutdown()
    }

    @Test func manyRequestsOnOneConnectionAreAnsweredInOrder() async throws {
        let broker = try await LocalBroker.start(testConfiguration(), logger: quiet)
        let frames = try (0..<500 as Range<Int32>).map { try TestClient.frame(.metadata(MetadataRequest()), $0) }
        var all = ByteBuffer()
        for frame in frames { all.writeImmutableBuffer(frame) }
        // In pieces that do not end where frames end.
        var pieces: [ByteBuffer] = []
        while all.readableBytes > 0 {
            if let piece = all.readSlice(length: min(37, all.readableBytes)) { pieces.append(piece) }
        }
        let answers = try await TestClient.exchange(port: broker.port, pieces, responses: 500)
        #expect(answers.map { $0.getInteger(at: 0, as: Int32.self) } == (0..<500).map { Int32($0) })
        try await broker.shutdown()
    }

    @Test func filesSurviveATornTail() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/data"
        let time = BrokerTime(wall: 1, monotonic: 1)
        let source = try Harness()
        #expect(try source.createTopic("t") == .none)
        do {
            let storage = try FileStorage(folder: path, synchronizes: true)
            let core = try BrokerCore(configuration: BrokerCoreConfiguration(), storage: storage, time: time)
            let create = CreateTopicsRequest {
                $0.topics = [
                    CreateTopicsRequest.Topic {
                        $0.name = "t"
                        $0.partitionCount = 1
                        $0.replicationFactor = 1
                    }
                ]
            }
            core.receive(.createTopics(create), version: 4, client: ClientContext(), token: RequestToken(1), at: time)
            for number in 0..<3 {
                let produce = ProduceRequest {
                    $0.topics = [
                        ProduceRequest.Topic {
                            $0.name = "t"
                            $0.partitions = [ProduceRequest.Partition { $0.records = source.batch(["\(number)"]) }]
                        }
                    ]
                }
                core.receive(.produce(produce), version: 8, client: ClientContext(), token: RequestToken(2), at: time)
            }
            #expect(core.log("t", 0)?.endOffset == 3)
            try storage.synchronize()
            storage.close()
        }
        for file in [path + "/journal", path + "/logs/t.1/0/00000000000000000000.log"] {
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data([0, 0, 0, 200, 1, 2, 3]))
            try handle.close()
        }
        let storage = try FileStorage(folder: path, synchronizes: false)
        let core = try BrokerCore(configuration: BrokerCoreConfiguration(), storage: storage, time: time)
        #expect(core.log("t", 0)?.endOffset == 3)
        #expect(core.recovery.removedBytes == 14)
        storage.close()
    }
}
