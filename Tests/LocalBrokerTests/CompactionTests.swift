import LocalBroker
import NIOCore
import Testing

/// Compaction against a model that knows only what was written: whatever happens, the last committed value of each key can be read, in
/// the order and at the offset at which it was written, and nothing appears that was not written or was aborted.
@Suite struct CompactionTests {
    struct Written: Equatable {
        var offset: Int64
        var key: String
        /// Nil: a tombstone.
        var value: String?
    }

    static func configuration() -> BrokerCoreConfiguration {
        var configuration = BrokerCoreConfiguration()
        configuration.housekeepingInterval = 1_000_000_000_000
        configuration.compactionInterval = 1_000
        return configuration
    }

    static func batch(
        _ broker: Harness, _ records: [(key: String?, value: String?)], producer: Harness.Producer? = nil,
        sequence: Int32? = nil, codec: CompressionCodec = .none
    ) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(
            timestamp: broker.time.wall, producerID: producer?.id ?? -1, producerEpoch: producer?.epoch ?? -1,
            baseSequence: sequence ?? -1, isTransactional: producer?.transactionalID != nil)
        for record in records {
            builder.append(
                LogRecord(key: record.key.map { Array($0.utf8) }, value: record.value.map { Array($0.utf8) }))
        }
        return try #require(builder.finish(codec))
    }

    /// What a reader gets, with offsets.
    static func read(_ broker: Harness, _ topic: String = "t", committed: Bool) throws -> [Written] {
        try broker.records(topic, committed: committed).map { offset, record in
            Written(
                offset: offset, key: String(decoding: record.key ?? [], as: UTF8.self),
                value: record.value.map { String(decoding: $0, as: UTF8.self) })
        }
    }

    /// For each key its last committed record.
    private static func latest(_ records: [Written]) -> [String: Written] {
        var latest: [String: Written] = [:]
        for record in records { latest[record.key] = record }
        return latest
    }

    static func check(_ before: [Written], _ after: [Written], _ what: String) {
        let expected = latest(before)
        let found = latest(after)
        for (key, record) in expected {
            if record.value == nil {
                #expect(found[key] == nil || found[key] == record, "\(what): \(key)")
            } else {
                #expect(found[key] == record, "\(what): \(key)")
            }
        }
        for record in after { #expect(before.contains(record), "\(what): \(record) was never committed") }
        #expect(after.map(\.offset) == after.map(\.offset).sorted(), "\(what): order")
    }

    @Test func theLastValueOfEachKeyIsLeft() throws {
        let broker = try Harness(configuration: Self.configuration())
        #expect(
            try broker.createTopic("t", configs: ["cleanup.policy": "compact", "segment.bytes": "1000"]) == .none)
        for number in 0..<200 {
            _ = try broker.produce(Self.batch(broker, [("key\(number % 10)", "value\(number)")]), to: "t")
        }
        let before = try Self.read(broker, committed: true)
        let size = try #require(broker.core.log("t", 0)?.byteCount)
        broker.advance(by: 10_000)
        #expect(broker.core.compactionCounts.rounds > 0)
        let after = try Self.read(broker, committed: true)
        Self.check(before, after, "once")
        #expect(after.count < 40)
        #expect(try #require(broker.core.log("t", 0)?.byteCount) < size / 4)
        #expect(try broker.listOffset("t", timestamp: -2).offset == 0)
        #expect(try broker.listOffset("t", timestamp: -1).offset == 200)
        for again in [try broker.restarted(), try broker.restartedWithoutNotes()] {
            #expect(try Self.read(again, committed: true) == after)
            #expect(try again.listOffset("t", timestamp: -1).offset == 200)
        }
        // Reads from offsets that are gone begin at the next that is there.
        for offset in stride(from: Int64(0), to: 200, by: 7) {
            let expected = after.filter { $0.offset >= offset }
            let seen = try broker.records("t", from: offset, committed: true).map(\.offset)
            #expect(seen == expected.map(\.offset))
        }
    }

    @Test func tombstonesLiveForTheirTime() throws {
        let broker = try Harness(configuration: Self.configuration())
        let configs = [
            "cleanup.policy": "compact", "segment.bytes": "400", "delete.retention.ms": "60000",
            "min.cleanable.dirty.ratio": "0.01",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        func write(_ key: String, _ value: String?) throws {
            _ = try broker.produce(Self.batch(broker, [(key, value)]), to: "t")
        }
        try write("a", "1")
        try write("a", nil)
        for number in 0..<20 { try write("filler", "\(number)") }
        broker.advance(by: 5_000)
        #expect(try Self.read(broker, committed: true).first == Written(offset: 1, key: "a", value: nil))
        let again = try broker.restartedWithoutNotes()
        again.advance(by: 50_000)
        #expect(try Self.read(again, committed: true).first == Written(offset: 1, key: "a", value: nil))
        again.advance(by: 20_000)
        for number in 0..<20 { _ = try again.produce(Self.batch(again, [("filler", "\(number)")]), to: "t") }
        again.advance(by: 5_000)
        #expect(try Self.read(again, committed: true).allSatisfy { $0.key == "filler" })
    }

    @Test func abortedRecordsGoAndTheirMarkersLater() throws {
        let broker = try Harness(configuration: Self.configuration())
        let configs = [
            "cleanup.policy": "compact", "segment.bytes": "300", "delete.retention.ms": "1000",
            "min.cleanable.dirty.ratio": "0.01",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        let producer = try broker.producer("tx")
        var sequence: Int32 = 0
        func transaction(_ key: String, _ value: String, commits: Bool) throws {
            #expect(try broker.addPartition(producer, "t") == .none)
            let batch = try Self.batch(broker, [(key, value)], producer: producer, sequence: sequence)
            sequence += 1
            #expect(try broker.produce(batch, to: "t", transactionalID: "tx").error == .none)
            #expect(try broker.endTransaction(producer, commit: commits) == .none)
        }
        try transaction("a", "committed", commits: true)
        try transaction("a", "aborted", commits: false)
        for round in 0..<6 {
            for number in 0..<8 { try transaction("filler", "\(round) \(number)", commits: true) }
            broker.advance(by: 5_000)
        }
        #expect(broker.core.compactionCounts.rounds >= 5)
        let records = try Self.read(broker, committed: false)
        #expect(records.first == Written(offset: 0, key: "a", value: "committed"))
        #expect(!records.contains { $0.value == "aborted" })
        let fetched = try broker.fetch("t", from: 0, committed: true)
        #expect(fetched.abortedTransactions?.isEmpty == true, "of what is gone no reader hears any more")
        #expect(try broker.batchHeaders("t").filter { $0.attributes & 0x20 != 0 }.count < 20)
        // The producer goes on in sequence, also after a restart that had to read the whole log.
        let again = try broker.restartedWithoutNotes()
        #expect(try again.addPartition(producer, "t") == .none)
        let next = try Self.batch(again, [("a", "new")], producer: producer, sequence: sequence)
        #expect(try again.produce(next, to: "t", transactionalID: "tx").error == .none)
        #expect(try again.endTransaction(producer, commit: true) == .none)
        #expect(
            try again.listOffset("t", timestamp: -1, committed: true).offset
                == again.listOffset("t", timestamp: -1).offset)
    }

    @Test func whatIsYoungOrUndecidedIsLeftAlone() throws {
        let broker = try Harness(configuration: Self.configuration())
        let configs = [
            "cleanup.policy": "compact", "segment.bytes": "300", "min.compaction.lag.ms": "100000",
            "min.cleanable.dirty.ratio": "0.01",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        for number in 0..<50 { _ = try broker.produce(Self.batch(broker, [("k", "\(number)")]), to: "t") }
        broker.advance(by: 50_000)
        #expect(try Self.read(broker, committed: true).count == 50)
        let producer = try broker.producer("tx", timeout: 900_000)
        #expect(try broker.addPartition(producer, "t") == .none)
        let open = try Self.batch(broker, [("k", "open")], producer: producer, sequence: 0)
        #expect(try broker.produce(open, to: "t", transactionalID: "tx").error == .none)
        for number in 50..<100 { _ = try broker.produce(Self.batch(broker, [("k", "\(number)")]), to: "t") }
        broker.advance(by: 200_000)
        let left = try Self.read(broker, committed: false)
        #expect(left.count > 50 && left.count < 60)
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        broker.advance(by: 200_000)
        #expect(try Self.read(broker, committed: true).count < 10)
    }

    @Test func whatHasWaitedTooLongIsCompactedAtOnce() throws {
        let broker = try Harness(configuration: Self.configuration())
        let configs = [
            "cleanup.policy": "compact", "max.compaction.lag.ms": "60000", "min.cleanable.dirty.ratio": "0.99",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        for number in 0..<50 { _ = try broker.produce(Self.batch(broker, [("k", "\(number)")]), to: "t") }
        broker.advance(by: 50_000)
        #expect(try Self.read(broker, committed: true).count == 50)
        broker.advance(by: 80_000)
        #expect(try Self.read(broker, committed: true).count == 1)
    }

    @Test func compactedTopicsWantKeys() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["cleanup.policy": "compact"]) == .none)
        for codec in CompressionCodec.allCases {
            let keyless = try Self.batch(broker, [("k", "v"), (nil, "v")], codec: codec)
            let refused = try broker.produce(keyless, to: "t")
            #expect(refused.error == .invalidRecord)
            #expect(refused.recordErrors.map(\.index) == [1])
            #expect(try broker.produce(Self.batch(broker, [("k", "v")], codec: codec), to: "t").error == .none)
        }
    }

    @Test func readersByTimeFindWhatIsLeft() throws {
        let broker = try Harness(configuration: Self.configuration())
        #expect(
            try broker.createTopic("t", configs: ["cleanup.policy": "compact", "segment.bytes": "1000"]) == .none)
        let start = broker.time.wall
        for number in 0..<100 {
            _ = try broker.produce(Self.batch(broker, [("key\(number % 7)", "value\(number)")], codec: .lz4), to: "t")
            broker.time.wall += 10
        }
        broker.advance(by: 10_000)
        let left = try broker.records("t", committed: true)
        #expect(left.count < 60)
        for number in 0..<100 {
            let time = start + Int64(number) * 10
            let expected = left.first { $0.offset >= Int64(number) }
            #expect(try broker.listOffset("t", timestamp: time).offset == expected?.offset ?? -1)
        }
        #expect(try broker.listOffset("t", timestamp: -3).offset == 99)
    }

    /// Random writers, transactions, restarts and rounds; with a table of keys that is too small for a round, too.
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func agreesWithTheModel(seed: UInt64) throws {
        var random = Seeded(seed)
        var configuration = Self.configuration()
        configuration.compactionMemory = seed % 3 == 0 ? 2_000 : 1 << 20
        var broker = try Harness(configuration: configuration)
        let configs = [
            "cleanup.policy": "compact", "segment.bytes": "\(Int.random(in: 400...2000, using: &random))",
            "delete.retention.ms": "20000", "min.cleanable.dirty.ratio": "0.1",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        let keyCount = seed % 3 == 0 ? 200 : 12
        var model: [Written] = []
        var producers = [try broker.producer("tx0", timeout: 900_000), try broker.producer("tx1", timeout: 900_000)]
        var sequences: [Int32] = [0, 0]
        var open: [[Written]?] = [nil, nil]
        func records() -> [(key: String?, value: String?)] {
            (0..<Int.random(in: 1...4, using: &random)).map { _ in
                let isTombstone = Int.random(in: 0..<8, using: &random) == 0
                return (
                    "k\(Int.random(in: 0..<keyCount, using: &random))",
                    isTombstone ? nil : "v\(UInt32.random(in: 0 ... .max, using: &random))"
                )
            }
        }
        func written(_ records: [(key: String?, value: String?)], at base: Int64) -> [Written] {
            records.enumerated().map { number, record in
                Written(offset: base + Int64(number), key: record.key ?? "", value: record.value)
            }
        }
        var sizes: [Int] = []
        for step in 0..<500 {
            let who = Int.random(in: 0..<2, using: &random)
            let codec = CompressionCodec.allCases[Int.random(in: 0..<5, using: &random)]
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<30:
                let new = records()
                let result = try broker.produce(Self.batch(broker, new, codec: codec), to: "t")
                #expect(result.error == .none)
                model += written(new, at: result.baseOffset)
            case 30..<65:
                if open[who] == nil {
                    #expect(try broker.addPartition(producers[who], "t") == .none)
                    open[who] = []
                }
                let new = records()
                let batch = try Self.batch(
                    broker, new, producer: producers[who], sequence: sequences[who], codec: codec)
                sequences[who] += Int32(new.count)
                let result = try broker.produce(batch, to: "t", transactionalID: "tx\(who)")
                #expect(result.error == .none, "seed \(seed), step \(step)")
                open[who]? += written(new, at: result.baseOffset)
            case 65..<85:
                guard let pending = open[who] else { continue }
                let commits = Bool.random(using: &random)
                #expect(try broker.endTransaction(producers[who], commit: commits) == .none)
                open[who] = nil
                if commits { model = (model + pending).sorted { $0.offset < $1.offset } }
            case 85..<95:
                broker.advance(by: Int64.random(in: 1...8_000, using: &random))
            case 95..<97:
                broker = Bool.random(using: &random) ? try broker.restarted() : try broker.restartedWithoutNotes()
            case 97..<98:
                guard open[who] == nil else { continue }
                producers[who] = try broker.producer("tx\(who)", timeout: 900_000)
                sequences[who] = 0
            default:
                let limit = try broker.fetch("t", from: broker.listOffset("t", timestamp: -1).offset, committed: true)
                    .lastStableOffset
                let visible = model.filter { $0.offset < limit }
                Self.check(visible, try Self.read(broker, committed: true), "seed \(seed), step \(step)")
                sizes.append(broker.core.log("t", 0)?.byteCount ?? 0)
            }
        }
        for who in 0..<2 where open[who] != nil {
            #expect(try broker.endTransaction(producers[who], commit: false) == .none)
        }
        broker.advance(by: 60_000)
        Self.check(model, try Self.read(broker, committed: true), "seed \(seed), end")
        Self.check(
            model, try Self.read(try broker.restartedWithoutNotes(), committed: true), "seed \(seed), after a restart")
    }

    /// A kill, and a full disk, at every single change that a round makes to the storage.
    @Test func aRoundMayBeInterruptedAtEveryWrite() throws {
        let broker = try Harness(configuration: Self.configuration())
        let configs = [
            "cleanup.policy": "compact", "segment.bytes": "500", "min.cleanable.dirty.ratio": "0.01",
            "delete.retention.ms": "0",
        ]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        let producer = try broker.producer("tx")
        var sequence: Int32 = 0
        for number in 0..<60 {
            #expect(try broker.addPartition(producer, "t") == .none)
            let batch = try Self.batch(
                broker, [("k\(number % 5)", "v\(number)"), ("d\(number % 3)", nil)], producer: producer,
                sequence: sequence)
            sequence += 2
            #expect(try broker.produce(batch, to: "t", transactionalID: "tx").error == .none)
            #expect(try broker.endTransaction(producer, commit: number % 3 != 0) == .none)
        }
        let before = try Self.read(broker, committed: true)
        var interruptions = 0
        for failure in 0..<10_000 {
            let storage = broker.storage.copy()
            let killed = try Harness(storage: storage, configuration: Self.configuration(), time: broker.time)
            storage.changesUntilFailure = failure
            // Several rounds, so that markers go, too.
            killed.advance(by: 5_000)
            let wasInterrupted = storage.changesUntilFailure == 0
            Self.check(before, try Self.read(killed, committed: true), "the disk was full at change \(failure)")
            let again = try Harness(
                storage: storage.copy(), configuration: Self.configuration(), time: killed.time)
            Self.check(before, try Self.read(again, committed: true), "killed at change \(failure)")
            let scanned = try again.restartedWithoutNotes()
            Self.check(before, try Self.read(scanned, committed: true), "killed at change \(failure), scanned")
            again.advance(by: 10_000)
            Self.check(before, try Self.read(again, committed: true), "compacted again after change \(failure)")
            #expect(try again.addPartition(producer, "t") == .none)
            let next = try Self.batch(again, [("new", "value")], producer: producer, sequence: sequence)
            #expect(try again.produce(next, to: "t", transactionalID: "tx").error == .none)
            guard wasInterrupted else { break }
            interruptions += 1
        }
        #expect(interruptions > 10)
    }
}
