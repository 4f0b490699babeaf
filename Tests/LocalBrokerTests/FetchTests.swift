import LocalBroker
import NIOCore
import Testing

@Suite struct FetchTests {
    @Test func waitsForDataAndIsWokenByIt() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 2) == .none)
        let token = broker.send(.fetch(Harness.fetchRequest("t", from: 0, maxWait: 500)))
        let other = broker.send(.fetch(Harness.fetchRequest("t", 1, from: 0, maxWait: 500)))
        #expect(broker.answer(token) == nil)
        broker.advance(by: 400)
        #expect(try broker.produce(broker.batch(["a"]), to: "t").error == .none)
        let fetched = try Harness.partition(broker.answer(token))
        #expect(fetched.highWatermark == 1)
        #expect((fetched.records?.readableBytes ?? 0) > 0)
        // The other partition has nothing: its fetch ends with its time.
        broker.advance(by: 99)
        #expect(broker.answer(other) == nil)
        broker.advance(by: 1)
        #expect(try Harness.partition(broker.answer(other)).records?.readableBytes == 0)
    }

    @Test func waitsForMinBytes() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let size = Int32(broker.batch(["a"]).readableBytes)
        let token = broker.send(.fetch(Harness.fetchRequest("t", from: 0, maxWait: 500, minBytes: size * 2)))
        _ = try broker.produce(broker.batch(["a"]), to: "t")
        #expect(broker.answer(token) == nil)
        _ = try broker.produce(broker.batch(["b"]), to: "t")
        #expect(try Harness.partition(broker.answer(token)).records?.readableBytes == Int(size) * 2)
    }

    @Test func committedReadersAreWokenByTheEndOfATransaction() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let producer = try broker.producer("tx")
        #expect(try broker.addPartition(producer, "t") == .none)
        let token = broker.send(.fetch(Harness.fetchRequest("t", from: 0, committed: true, maxWait: 5000)))
        _ = try broker.produce(broker.batch(["a"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
        #expect(broker.answer(token) == nil)
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        #expect(try Harness.partition(broker.answer(token)).lastStableOffset == 2)
    }

    @Test func aCancelledFetchIsForgotten() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let token = broker.send(.fetch(Harness.fetchRequest("t", from: 0, maxWait: 500)))
        broker.core.cancel(token)
        _ = try broker.produce(broker.batch(["a"]), to: "t")
        broker.advance(by: 1000)
        #expect(broker.answer(token) == nil)
    }

    @Test func reportsOffsetsOutOfRange() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        _ = try broker.produce(broker.batch(["a"]), to: "t")
        #expect(try broker.fetch("t", from: 1).error == .none)
        #expect(try broker.fetch("t", from: 2).error == .offsetOutOfRange)
        #expect(try broker.fetch("t", from: -1).error == .offsetOutOfRange)
        #expect(try broker.fetch("t", 3).error == .unknownTopicOrPartition)
        #expect(try broker.fetch("u").error == .unknownTopicOrPartition)
        let waiting = broker.send(.fetch(Harness.fetchRequest("t", from: 7, maxWait: 5000)))
        #expect(try Harness.partition(broker.answer(waiting)).error == .offsetOutOfRange, "an error does not wait")
    }

    @Test func respectsSizesButAlwaysGetsOn() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 2) == .none)
        let large = String(repeating: "x", count: 1000)
        for partition in 0..<2 as Range<Int32> {
            for _ in 0..<3 { _ = try broker.produce(broker.batch([large]), to: "t", partition) }
        }
        let size = broker.batch([large]).readableBytes
        #expect(try broker.fetch("t", maxBytes: 10).records?.readableBytes == size, "the first batch comes whole")
        var request = Harness.fetchRequest("t", from: 0, maxBytes: Int32(size * 2))
        request.maxBytes = Int32(size * 2 + 100)
        var second = request.topics[0].partitions[0]
        second.index = 1
        request.topics[0].partitions.append(second)
        guard case .fetch(let response) = try broker.call(.fetch(request)) else { return }
        let sizes = response.topics[0].partitions.map { $0.records?.readableBytes ?? -1 }
        #expect(sizes == [size * 2, 0], "the limit of the request holds across partitions")
    }

    @Test func foreignSessionsAreUnknown() throws {
        let broker = try Harness()
        var request = Harness.fetchRequest("t", from: 0)
        request.sessionID = 7
        guard case .fetch(let response) = try broker.call(.fetch(request)) else { return }
        #expect(response.error == .fetchSessionIDNotFound)
    }

    @Test func findsOffsetsByTime() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["segment.bytes": "500"]) == .none)
        for number in 0..<100 as Range<Int64> {
            var builder = RecordBatchBuilder(timestamp: number * 100)
            builder.append(LogRecord(value: [1]))
            builder.append(LogRecord(value: [2], timestampDelta: 50))
            _ = try broker.produce(builder.finish(), to: "t")
        }
        for time in [0, 1, 50, 51, 4949, 4950, 4951, 9950] as [Int64] {
            let found = try broker.listOffset("t", timestamp: time)
            #expect(found.offset == (time + 49) / 50)
            #expect(found.timestamp == (time + 49) / 50 * 50)
        }
        #expect(try broker.listOffset("t", timestamp: 9951).offset == -1)
        #expect(try broker.listOffset("t", timestamp: -1).offset == 200)
        #expect(try broker.listOffset("t", timestamp: -2).offset == 0)
        #expect(try broker.listOffset("t", timestamp: -3).offset == 199)
        #expect(try broker.listOffset("t", timestamp: -4).error == .invalidRequest)
    }
}
