import LocalBroker
import NIOCore
import Testing

@Suite struct RecoveryTests {
    /// Plain, committed and aborted records, an open transaction with offsets, a group and settings.
    private func busy(segmentBytes: String = "1000000") throws -> (Harness, Harness.Producer) {
        let broker = try Harness()
        #expect(try broker.createTopic("t", configs: ["segment.bytes": segmentBytes, "retention.ms": "-1"]) == .none)
        let producer = try broker.producer("tx")
        var sequence: Int32 = 0
        for round in 0..<6 {
            _ = try broker.produce(broker.batch(["p\(round)"]), to: "t")
            #expect(try broker.addPartition(producer, "t") == .none)
            #expect(try broker.addOffsets(producer, group: "g") == .none)
            for number in 0..<2 {
                let batch = broker.batch(["t\(round)\(number)"], producer: producer, sequence: sequence)
                #expect(try broker.produce(batch, to: "t", transactionalID: "tx").error == .none)
                sequence += 1
            }
            #expect(try broker.commitOffsets(producer, group: "g", "t", offset: Int64(round)) == .none)
            if round < 5 { #expect(try broker.endTransaction(producer, commit: round % 2 == 0) == .none) }
        }
        return (broker, producer)
    }

    @Test(arguments: ["1000000", "300"])
    func everythingAcknowledgedSurvives(segmentBytes: String) throws {
        let (broker, producer) = try busy(segmentBytes: segmentBytes)
        let again = try broker.restarted()
        let committed = try broker.consume("t", committed: true)
        #expect(committed.count == 6 + 6)
        #expect(try again.consume("t", committed: true) == committed)
        #expect(try again.consume("t", committed: false) == broker.consume("t", committed: false))
        #expect(
            try again.fetch("t", committed: true).lastStableOffset
                == broker.fetch("t", committed: true).lastStableOffset)
        #expect(try again.committedOffset(group: "g", "t", requireStable: true).error == .unstableOffsetCommit)
        #expect(try again.committedOffset(group: "g", "t").committedOffset == 4)
        // The sequence goes on, a duplicate is known, and the open transaction can still be committed.
        let duplicate = again.batch(["t51"], producer: producer, sequence: 11)
        let before = try again.fetch("t").highWatermark
        #expect(try again.produce(duplicate, to: "t", transactionalID: "tx").error == .none)
        #expect(try again.fetch("t").highWatermark == before)
        let next = again.batch(["more"], producer: producer, sequence: 12)
        #expect(try again.produce(next, to: "t", transactionalID: "tx").error == .none)
        #expect(try again.endTransaction(producer, commit: true) == .none)
        #expect(try again.consume("t", committed: true) == committed + ["t50", "t51", "more"])
        #expect(try again.committedOffset(group: "g", "t", requireStable: true).committedOffset == 5)
        #expect(try again.producer().id > producer.id)
    }

    @Test func anOpenTransactionTimesOutAfterARestart() throws {
        let (broker, producer) = try busy()
        let again = try broker.restarted()
        again.advance(by: 10_001)
        #expect(try again.fetch("t", committed: true).lastStableOffset == again.fetch("t").highWatermark)
        #expect(try again.endTransaction(producer, commit: true) == .producerFenced)
        #expect(try again.committedOffset(group: "g", "t", requireStable: true).committedOffset == 4)
    }

    /// The log cut at every byte: what is left is a whole prefix, and the broker works on.
    @Test func aLogTornAtAnyByteKeepsItsWholeBatches() throws {
        let (broker, _) = try busy()
        let all = try broker.consume("t", committed: false)
        let log = try #require(broker.storage.logs.keys.first)
        let size = try #require(broker.storage.logs[log]?[0]?.byteCount)
        var lengths: Set<Int> = []
        for cut in stride(from: size, through: max(0, size - 700), by: -1) {
            let torn = broker.storage.copy()
            try torn.logs[log]?[0]?.truncate(to: cut)
            let again = try Harness(storage: torn)
            let left = try again.consume("t", committed: false)
            #expect(left == Array(all.prefix(left.count)))
            lengths.insert(left.count)
            #expect(try again.produce(again.batch(["new"]), to: "t").error == .none)
            #expect(try again.consume("t", committed: false) == left + ["new"])
            #expect(torn.logs[log]?[0]?.byteCount == again.core.log("t", 0)?.byteCount)
        }
        #expect(lengths.count > 4)
    }

    @Test func aFlippedBitInTheTailIsFound() throws {
        let (broker, _) = try busy()
        let log = try #require(broker.storage.logs.keys.first)
        let size = try #require(broker.storage.logs[log]?[0]?.byteCount)
        let all = try broker.consume("t", committed: false)
        // Not the base offset and the leader epoch: the checksum does not cover them.
        for position in stride(from: size - 1, to: size - 50, by: -7) {
            let broken = broker.storage.copy()
            broken.logs[log]?[0]?.flipBit(at: position)
            let again = try Harness(storage: broken)
            #expect(try again.consume("t", committed: false) == Array(all.dropLast()))
        }
    }

    @Test func damageInFrontOfNewerSegmentsIsRefused() throws {
        let (broker, _) = try busy(segmentBytes: "300")
        let log = try #require(broker.storage.logs.keys.first)
        let broken = broker.storage.copy()
        broken.deleteNote(of: log, named: "checkpoint")
        broken.logs[log]?[0]?.flipBit(at: 100)
        #expect(throws: StorageError.self) { try Harness(storage: broken) }
    }

    /// The journal cut at every byte: a prefix of the changes, never a failure.
    @Test func aJournalTornAtAnyByteIsAPrefix() throws {
        let (broker, _) = try busy()
        let size = broker.storage.journal.byteCount
        for cut in stride(from: size, through: 0, by: -1) {
            let torn = broker.storage.copy()
            try torn.journal.truncate(to: cut)
            let again = try Harness(storage: torn)
            let offset = try again.committedOffset(group: "g", "t").committedOffset
            #expect((-1...4).contains(offset))
            #expect(try again.createTopic("new") == .none)
        }
    }

    /// Without a journal the broker starts empty, but touches nothing of what is there.
    @Test func logsWithoutAJournalAreKept() throws {
        let (broker, _) = try busy()
        let bare = broker.storage.copy()
        try bare.journal.truncate(to: 0)
        let again = try Harness(storage: bare)
        #expect(again.core.recovery.unknownTopics)
        #expect(again.storage.logs.count == 1)
        #expect(try again.createTopic("t") == .none)
        #expect(try again.consume("t", committed: false) == [])
    }

    @Test func damageInsideTheJournalIsRefused() throws {
        let (broker, _) = try busy()
        let broken = broker.storage.copy()
        try #require(broken.journal as? MemoryStorage.File).flipBit(at: 40)
        #expect(throws: StorageError.self) { try Harness(storage: broken) }
    }

    /// A kill between the decision and its markers: the journal says "prepared", the logs have no marker yet.
    @Test func aDecidedTransactionIsCompletedAtStart() throws {
        for commits in [true, false] {
            let (broker, producer) = try busy()
            let log = try #require(broker.storage.logs.keys.first)
            let logSize = try #require(broker.storage.logs[log]?[0]?.byteCount)
            let before = broker.storage.journal.byteCount
            #expect(try broker.endTransaction(producer, commit: commits) == .none)
            var sawPrepared = false
            for cut in before...broker.storage.journal.byteCount {
                let killed = broker.storage.copy()
                try killed.journal.truncate(to: cut)
                try killed.logs[log]?[0]?.truncate(to: logSize)
                let again = try Harness(storage: killed)
                guard again.core.recovery.completedTransactions == 1 else { continue }
                sawPrepared = true
                let values = try again.consume("t", committed: true)
                #expect(values.contains("t51") == commits)
                #expect(
                    try again.committedOffset(group: "g", "t", requireStable: true).committedOffset == (commits ? 5 : 4)
                )
            }
            #expect(sawPrepared)
        }
    }

    @Test func theCheckpointSavesTheScan() throws {
        let (broker, _) = try busy(segmentBytes: "300")
        broker.core.close()
        let again = try broker.restarted()
        #expect(again.core.recovery.checkedBytes == 0)
        #expect(try again.consume("t", committed: true) == broker.consume("t", committed: true))
        let bare = broker.storage.copy()
        for log in bare.logs.keys {
            for name in bare.notes[log]?.keys.sorted() ?? [] { bare.deleteNote(of: log, named: name) }
        }
        let scanned = try Harness(storage: bare)
        #expect(scanned.core.recovery.checkedBytes > 0)
        #expect(try scanned.consume("t", committed: true) == broker.consume("t", committed: true))
    }

    @Test func theJournalStaysSmall() throws {
        let broker = try Harness()
        #expect(try broker.createTopic("t") == .none)
        let producer = try broker.producer("tx")
        for offset in 0..<10_000 as Range<Int64> {
            #expect(try broker.addOffsets(producer, group: "g") == .none)
            #expect(try broker.commitOffsets(producer, group: "g", "t", offset: offset) == .none)
            #expect(try broker.endTransaction(producer, commit: true) == .none)
        }
        #expect(broker.storage.journal.byteCount < 2 << 20)
        #expect(try broker.restarted().committedOffset(group: "g", "t").committedOffset == 9_999)
    }
}
