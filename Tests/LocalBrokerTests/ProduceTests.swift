import LocalBroker
import NIOCore
import Testing

@Suite struct ProduceTests {
    @Test func storesBatchesAsSentUnderTheirOffsets() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let first = broker.batch(["a", "b"])
        let second = broker.batch(["c"])
        #expect(try broker.produce(first, to: "t").baseOffset == 0)
        #expect(try broker.produce(second, to: "t").baseOffset == 2)
        let fetched = try broker.fetch("t")
        #expect(fetched.highWatermark == 3)
        let bytes = try #require(fetched.records)
        #expect(bytes.readableBytes == first.readableBytes + second.readableBytes)
        // But for the base offset and the leader epoch, which the checksum does not cover, byte for byte.
        #expect(
            bytes.getBytes(at: 16, length: first.readableBytes - 16)
                == first.getBytes(at: 16, length: first.readableBytes - 16))
        let header = try #require(RecordBatchHeader(bytes, at: first.readableBytes))
        #expect(header.baseOffset == 2)
        #expect(header.leaderEpoch == 0)
        #expect(try broker.consume("t", committed: false) == ["a", "b", "c"])
    }

    @Test func refusesWhatIsNoWholeBatch() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let good = broker.batch(["value"])
        #expect(try broker.produce(nil, to: "t").error == .invalidRecord)
        #expect(try broker.produce(ByteBuffer(), to: "t").error == .invalidRecord)
        #expect(try broker.produce(ByteBuffer(repeating: 0, count: 100), to: "t").error == .invalidRecord)
        for position in RecordBatchHeader.byteCount..<good.readableBytes {
            var broken = good
            broken.setInteger((good.getInteger(at: position, as: UInt8.self) ?? 0) ^ 1, at: position)
            #expect(try broker.produce(broken, to: "t").error == .corruptMessage)
        }
        var twice = good
        twice.writeImmutableBuffer(good)
        #expect(try broker.produce(twice, to: "t").error == .corruptMessage)
        #expect(
            try broker.produce(good.getSlice(at: 0, length: good.readableBytes - 1), to: "t").error == .corruptMessage)
        #expect(try broker.fetch("t").highWatermark == 0)
    }

    /// Every header field changed at random, under a valid checksum: refused or stored, never a trap, and never a broken log.
    @Test func hostileHeadersUnderValidChecksumsDoNoHarm() throws {
        var random = Seeded(20_261_122)
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        var accepted = 0
        for _ in 0..<3000 {
            var batch = broker.batch(["a", "b"])
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let position = Int.random(in: 21..<RecordBatchHeader.byteCount, using: &random)
                batch.setInteger(UInt8.random(in: .min ... .max, using: &random), at: position)
            }
            let view = batch.getBytes(at: 21, length: batch.readableBytes - 21) ?? []
            batch.setInteger(unsafe view.withUnsafeBytes { unsafe CRC32C.checksum($0) }, at: 17)
            if try broker.produce(batch, to: "t").error == .none { accepted += 1 }
        }
        #expect(accepted > 0)
        var end = try broker.fetch("t").highWatermark
        let log = try #require(broker.core.log("t", 0))
        #expect(log.endOffset == end)
        let again = try broker.restarted()
        end = try again.fetch("t").highWatermark
        #expect(log.endOffset == end)
    }

    @Test func refusesClientControlBatchesAndTooLargeOnes() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["max.message.bytes": "200"]) == .none)
        var builder = RecordBatchBuilder(
            timestamp: 0, producerID: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true)
        builder.header.attributes |= 0x20
        builder.append(LogRecord(key: [0, 0, 0, 1], value: []))
        #expect(try broker.produce(builder.finish(), to: "t").error == .invalidRecord)
        #expect(
            try broker.produce(broker.batch([String(repeating: "x", count: 200)]), to: "t").error == .messageTooLarge)
        #expect(try broker.produce(broker.batch(["x"]), to: "t", 7).error == .unknownTopicOrPartition)
        #expect(try broker.produce(broker.batch(["x"]), to: "t", -1).error == .unknownTopicOrPartition)
        #expect(try broker.produce(broker.batch(["x"]), to: "t", version: 2).error == .unsupportedForMessageFormat)
    }

    @Test func duplicatesGetTheirFirstOffsetAgainAndGapsAreRefused() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let producer = try broker.producer()
        for number in 0..<7 as Range<Int32> {
            let batch = broker.batch(["\(number)a", "\(number)b"], producer: producer, sequence: number * 2)
            #expect(try broker.produce(batch, to: "t").baseOffset == Int64(number) * 2)
        }
        for number in 2..<7 as Range<Int32> {
            let again = try broker.produce(
                broker.batch(["\(number)a", "\(number)b"], producer: producer, sequence: number * 2), to: "t")
            #expect(again.error == .none)
            #expect(again.baseOffset == Int64(number) * 2)
        }
        // Older than the last five: can no longer be told from a gap.
        let old = broker.batch(["1a", "1b"], producer: producer, sequence: 2)
        #expect(try broker.produce(old, to: "t").error == .outOfOrderSequenceNumber)
        let gap = broker.batch(["x"], producer: producer, sequence: 20)
        #expect(try broker.produce(gap, to: "t").error == .outOfOrderSequenceNumber)
        #expect(try broker.fetch("t").highWatermark == 14)
        var zombie = producer
        zombie.epoch = -1
        #expect(
            try broker.produce(broker.batch(["x"], producer: zombie, sequence: 14), to: "t").error == .invalidRecord)
        var newer = producer
        newer.epoch = 1
        #expect(
            try broker.produce(broker.batch(["x"], producer: newer, sequence: 3), to: "t").error
                == .outOfOrderSequenceNumber)
        #expect(try broker.produce(broker.batch(["x"], producer: newer, sequence: 0), to: "t").error == .none)
        #expect(
            try broker.produce(broker.batch(["x"], producer: producer, sequence: 14), to: "t").error
                == .invalidProducerEpoch)
    }

    @Test func sequenceNumbersWrap() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let producer = try broker.producer()
        // A producer that the partition does not know may begin anywhere.
        #expect(
            try broker.produce(broker.batch(["a", "b", "c"], producer: producer, sequence: .max - 1), to: "t").error
                == .none)
        #expect(
            try broker.produce(broker.batch(["d"], producer: producer, sequence: 2), to: "t").error
                == .outOfOrderSequenceNumber)
        #expect(try broker.produce(broker.batch(["d"], producer: producer, sequence: 1), to: "t").error == .none)
    }

    @Test func appendTimeIsStampedUnderAValidChecksum() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["message.timestamp.type": "LogAppendTime"]) == .none)
        let result = try broker.produce(broker.batch(["a"], timestamp: 5), to: "t")
        #expect(result.logAppendTime == broker.time.wall)
        let bytes = try #require(try broker.fetch("t").records)
        let header = try #require(RecordBatchHeader(bytes, at: 0))
        #expect(header.attributes & 0x08 != 0)
        #expect(header.maxTimestamp == broker.time.wall)
        let covered = bytes.getBytes(at: 21, length: bytes.readableBytes - 21) ?? []
        #expect(unsafe covered.withUnsafeBytes { unsafe CRC32C.checksum($0) } == header.crc)
    }

    @Test func withoutAcknowledgementThereIsNoResponse() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let request = ProduceRequest {
            $0.acks = 0
            $0.topics = [
                ProduceRequest.Topic {
                    $0.name = "t"
                    $0.partitions = [ProduceRequest.Partition { $0.records = broker.batch(["a"]) }]
                }
            ]
        }
        let token = broker.send(.produce(request))
        #expect(broker.answer(token) == nil)
        #expect(broker.silent.contains(token))
        #expect(try broker.consume("t", committed: false) == ["a"])
    }

    @Test func fullDiskRefusesAndResumes() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        #expect(try broker.produce(broker.batch(["a"]), to: "t").error == .none)
        broker.storage.isFull = true
        #expect(try broker.produce(broker.batch(["b"]), to: "t").error == .storageError)
        #expect(try broker.consume("t", committed: false) == ["a"])
        broker.storage.isFull = false
        #expect(try broker.produce(broker.batch(["c"]), to: "t").baseOffset == 1)
        #expect(try broker.consume("t", committed: false) == ["a", "c"])
    }
}
