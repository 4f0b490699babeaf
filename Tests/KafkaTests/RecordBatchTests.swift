import Kafka
import Testing

struct RecordBatchTests {
    private let a = TopicPartition(topic: "a", partition: 0)
    private let b = TopicPartition(topic: "b", partition: 3)

    private func append(
        _ batch: RecordBatch, _ partition: TopicPartition, _ offset: Int64, _ key: [UInt8]?, _ value: [UInt8]?,
        _ headers: [(name: String, value: [UInt8]?)] = []
    ) {
        unsafe batch.append(
            partition, offset: offset, timestamp: offset * 10, key: key?.span.bytes, value: value?.span.bytes,
            headers: headers)
    }

    @Test func whatABacklogHasTakenIsGivenBackAndTheRestStays() {
        let batch = RecordBatch()
        for offset in 0..<2_000 { append(batch, a, Int64(offset), [1], [UInt8](repeating: 7, count: 500)) }
        let largest = batch.bytes.count
        batch.giveBackUnused()
        #expect(batch.bytes.count == largest, "it is in use")
        batch.removeAll()
        append(batch, b, 9, [1, 2], [3, 4, 5], [("x", [7])])
        batch.giveBackUnused()
        #expect(batch.bytes.count == 2 + 3 + 1 + 1 + RecordBatch.padding)
        #expect(batch.bytes.suffix(RecordBatch.padding).allSatisfy { $0 == 0 })
        #expect(batch.records.capacity < 100)
        #expect(batch.key(0) == [1, 2] && batch.value(0) == [3, 4, 5] && batch.headers(0).first?.value == [7])
        append(batch, b, 10, [8], [9])
        #expect(batch.value(0) == [3, 4, 5] && batch.value(1) == [9])
    }

    @Test func recordsFormRuns() {
        let batch = RecordBatch()
        append(batch, a, 1, [1], [2, 3])
        append(batch, a, 2, nil, nil)
        append(batch, b, 9, [], [])
        append(batch, a, 3, [4], [5], [("x", [7]), ("y", nil)])
        batch.appendEnd(a, position: 6)
        #expect(batch.runs.map(\.topicPartition) == [a, b, a])
        #expect(batch.runs.map(\.records) == [0..<2, 2..<3, 3..<4])
        #expect(batch.records.map(\.offset) == [1, 2, 9, 3])
        #expect(batch.records.map(\.timestamp) == [10, 20, 90, 30])
        #expect(batch.key(0) == [1] && batch.value(0) == [2, 3])
        #expect(batch.key(1) == nil && batch.value(1) == nil)
        #expect(batch.key(2) == [] && batch.value(2) == [])
        #expect(batch.headers(3).map(\.name) == ["x", "y"])
        #expect(batch.headers(3).map(\.value) == [[7], nil])
        #expect(batch.headers(0).isEmpty)
        #expect(batch.topicPartition(of: 2) == b)
        #expect(batch.topicPartition(of: 4) == nil)
        #expect(batch.endsOfPartition.map(\.position) == [6])
        #expect(batch.withValue(0) { $0?.byteCount } == 2)
        #expect(batch.withKey(1) { $0?.byteCount } == nil)
        #expect(batch.withKey(2) { $0?.byteCount } == 0)
    }

    /// A wide read behind the last value finds zeroes, also where an earlier, longer content lay.
    @Test func paddingFollowsTheBytesInUse() {
        let batch = RecordBatch(recordCapacity: 4, byteCapacity: 8)
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 1_000, 20_000, 3, 0] {
            batch.removeAll()
            append(batch, a, 0, nil, [UInt8](repeating: 0xff, count: count))
            #expect(batch.byteCount == count)
            #expect(batch.bytes.count >= count + RecordBatch.padding)
            #expect(batch.bytes[count..<count + RecordBatch.padding].allSatisfy { $0 == 0 })
            #expect(batch.value(0)?.count == count)
        }
    }

    @Test func reuseKeepsTheMemory() {
        let batch = RecordBatch()
        let value = [UInt8](repeating: 1, count: 100)
        for offset in 0..<Int64(1_000) { append(batch, a, offset, nil, value, [("h", [1])]) }
        let (records, bytes) = (batch.records.capacity, batch.bytes.count)
        for _ in 0..<10 {
            batch.removeAll()
            #expect(batch.isEmpty)
            for offset in 0..<Int64(1_000) { append(batch, a, offset, nil, value, [("h", [1])]) }
            #expect(batch.records.capacity == records)
            #expect(batch.bytes.count == bytes)
        }
    }

    /// Random content comes back as it went in, whatever grows when.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func contentComesBack(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        let batch = RecordBatch()
        for _ in 0..<3 {
            batch.removeAll()
            var expected: [(TopicPartition, [UInt8]?, [UInt8]?, Int)] = []
            for offset in 0..<200 {
                let partition = random.next() % 4 == 0 ? b : a
                let (key, value) = (random.bytes(20), random.bytes(300))
                let headers = Int(random.next() % 3)
                append(batch, partition, Int64(offset), key, value, (0..<headers).map { ("n\($0)", random.bytes(9)) })
                expected.append((partition, key, value, headers))
            }
            for (index, record) in expected.enumerated() {
                #expect(batch.topicPartition(of: index) == record.0, "seed \(seed)")
                #expect(batch.key(index) == record.1, "seed \(seed)")
                #expect(batch.value(index) == record.2, "seed \(seed)")
                #expect(batch.headers(index).count == record.3, "seed \(seed)")
            }
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Sometimes nil, sometimes empty.
    mutating func bytes(_ limit: Int) -> [UInt8]? {
        let count = Int(next() % UInt64(limit))
        return count % 7 == 3 ? nil : (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
