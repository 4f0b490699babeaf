import LocalBroker
import NIOCore
import Testing

@Suite struct TransactionTests {
    private func broker() throws -> Harness {
        let broker = try Harness()
        #expect(try broker.createTopic("t", partitions: 2) == .none)
        return broker
    }

    @Test func commitAndAbortUnderBothIsolationLevels() throws {
        let broker = try broker()
        let producer = try broker.producer("tx")
        var sequence: Int32 = 0
        for (number, commits) in [true, false, true].enumerated() {
            #expect(try broker.addPartition(producer, "t") == .none)
            let batch = broker.batch(["\(number)"], producer: producer, sequence: sequence)
            #expect(try broker.produce(batch, to: "t", transactionalID: "tx").error == .none)
            sequence += 1
            #expect(try broker.endTransaction(producer, commit: commits) == .none)
        }
        #expect(try broker.consume("t", committed: true) == ["0", "2"])
        #expect(try broker.consume("t", committed: false) == ["0", "1", "2"])
        let fetched = try broker.fetch("t", committed: true)
        #expect(fetched.highWatermark == 6, "each control batch takes an offset")
        #expect(fetched.abortedTransactions?.map(\.firstOffset) == [2])
        #expect(fetched.abortedTransactions?.map(\.producerID) == [producer.id])
        #expect(try broker.fetch("t", committed: false).abortedTransactions == nil)
        #expect(try broker.fetch("t", from: 4, committed: true).abortedTransactions?.isEmpty == true)
    }

    @Test func lastStableOffsetIsTheFirstOpenTransaction() throws {
        let broker = try broker()
        let one = try broker.producer("one")
        let two = try broker.producer("two")
        for (producer, id) in [(one, "one"), (two, "two")] {
            #expect(try broker.addPartition(producer, "t") == .none)
            let batch = broker.batch([id], producer: producer, sequence: 0)
            #expect(try broker.produce(batch, to: "t", transactionalID: id).error == .none)
        }
        _ = try broker.produce(broker.batch(["plain"]), to: "t")
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 0)
        #expect(try broker.endTransaction(two, commit: false) == .none)
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 0)
        #expect(try broker.listOffset("t", timestamp: -1, committed: true).offset == 0)
        #expect(try broker.listOffset("t", timestamp: -1).offset == 4)
        #expect(try broker.consume("t", committed: true) == [])
        #expect(try broker.endTransaction(one, commit: true) == .none)
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 5)
        #expect(try broker.consume("t", committed: true) == ["one", "plain"])
    }

    @Test func aNewerProducerFencesTheOlder() throws {
        let broker = try broker()
        let old = try broker.producer("tx")
        #expect(try broker.addPartition(old, "t") == .none)
        #expect(try broker.addOffsets(old, group: "g") == .none)
        _ = try broker.produce(broker.batch(["zombie"], producer: old, sequence: 0), to: "t", transactionalID: "tx")
        let new = try broker.producer("tx")
        #expect(new.id == old.id)
        #expect(new.epoch > old.epoch)
        // Its transaction was aborted at once, and every request of it is refused, in the words of the API's version.
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 2)
        #expect(
            try broker.produce(broker.batch(["z"], producer: old, sequence: 1), to: "t", transactionalID: "tx").error
                == .invalidProducerEpoch)
        #expect(
            try broker.produce(broker.batch(["z"], producer: old, sequence: 0), to: "t", 1, transactionalID: "tx").error
                == .invalidProducerEpoch)
        #expect(try broker.addPartition(old, "t", version: 2) == .producerFenced)
        #expect(try broker.addPartition(old, "t", version: 0) == .invalidProducerEpoch)
        #expect(try broker.addOffsets(old, group: "g", version: 2) == .producerFenced)
        #expect(try broker.addOffsets(old, group: "g", version: 0) == .invalidProducerEpoch)
        #expect(try broker.endTransaction(old, commit: true, version: 2) == .producerFenced)
        #expect(try broker.endTransaction(old, commit: true, version: 1) == .invalidProducerEpoch)
        #expect(try broker.commitOffsets(old, group: "g", "t", offset: 1) == .invalidProducerEpoch)
        #expect(try broker.initProducer("tx", known: old, version: 4).1 == .producerFenced)
        #expect(try broker.initProducer("tx", known: old, version: 3).1 == .invalidProducerEpoch)
        #expect(try broker.addPartition(new, "t") == .none)
        #expect(
            try broker.produce(broker.batch(["new"], producer: new, sequence: 0), to: "t", transactionalID: "tx").error
                == .none)
        #expect(try broker.endTransaction(new, commit: true) == .none)
        #expect(try broker.consume("t", committed: true) == ["new"])
    }

    @Test func aProducerBumpsItsOwnEpochAndMayRepeatThat() throws {
        let broker = try broker()
        let first = try broker.producer("tx")
        let (second, error) = try broker.initProducer("tx", known: first)
        #expect(error == .none)
        #expect(second.epoch == first.epoch + 1)
        let (repeated, again) = try broker.initProducer("tx", known: first)
        #expect(again == .none)
        #expect(repeated.epoch == second.epoch, "the response was lost: the same again")
        _ = try broker.producer("tx")
        #expect(try broker.initProducer("tx", known: second).1 == .producerFenced)
    }

    @Test func epochsRunOutIntoANewProducerID() throws {
        let broker = try broker()
        var producer = try broker.producer("tx")
        let id = producer.id
        for _ in 0..<Int(Int16.max) + 10 where producer.id == id { producer = try broker.producer("tx") }
        #expect(producer.id != id)
        #expect(producer.epoch == 0)
    }

    @Test func aTransactionThatTakesTooLongIsAborted() throws {
        let broker = try broker()
        let producer = try broker.producer("tx", timeout: 5000)
        #expect(try broker.addPartition(producer, "t") == .none)
        _ = try broker.produce(broker.batch(["late"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
        broker.advance(by: 4999)
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 0)
        broker.advance(by: 1)
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 2)
        #expect(try broker.endTransaction(producer, commit: true, version: 2) == .producerFenced)
        #expect(try broker.endTransaction(producer, commit: true, version: 1) == .invalidProducerEpoch)
        #expect(try broker.consume("t", committed: true) == [])
        // A transaction that has ended in time has no time-out left.
        let next = try broker.producer("tx", timeout: 5000)
        #expect(try broker.addPartition(next, "t") == .none)
        #expect(try broker.endTransaction(next, commit: true) == .none)
        broker.advance(by: 10_000)
        #expect(try broker.addPartition(next, "t") == .none)
    }

    @Test func statesAndMappingsAreChecked() throws {
        let broker = try broker()
        let producer = try broker.producer("tx")
        #expect(try broker.endTransaction(producer, commit: true) == .invalidTxnState, "nothing was begun")
        #expect(
            try broker.produce(broker.batch(["x"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
                .error == .invalidTxnState)
        #expect(try broker.addPartition(producer, "t") == .none)
        #expect(
            try broker.produce(broker.batch(["x"], producer: producer, sequence: 0), to: "t", 1, transactionalID: "tx")
                .error == .invalidTxnState)
        #expect(
            try broker.produce(broker.batch(["x"], producer: producer, sequence: 0), to: "t").error
                == .invalidProducerIDMapping)
        #expect(try broker.addPartition(producer, "t", 9) == .unknownTopicOrPartition)
        #expect(try broker.commitOffsets(producer, group: "g", "t", offset: 1) == .invalidTxnState)
        var stranger = producer
        stranger.id += 1
        #expect(try broker.addPartition(stranger, "t") == .invalidProducerIDMapping)
        #expect(try broker.endTransaction(stranger, commit: true) == .invalidProducerIDMapping)
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        #expect(try broker.endTransaction(producer, commit: true) == .none, "a repeated end")
        #expect(try broker.endTransaction(producer, commit: false) == .invalidTxnState)
        #expect(try broker.initProducer("").1 == .invalidRequest)
        #expect(try broker.initProducer("u", timeout: 0).1 == .invalidTransactionTimeout)
        #expect(try broker.initProducer("u", timeout: 900_001).1 == .invalidTransactionTimeout)
        #expect(try broker.initProducer("").0.id == -1)
    }

    @Test func offsetsInATransactionAreHiddenUntilItCommits() throws {
        let broker = try broker()
        let producer = try broker.producer("tx")
        for (offset, commits) in [(5, true), (9, false)] as [(Int64, Bool)] {
            let before = try broker.committedOffset(group: "g", "t").committedOffset
            #expect(try broker.addOffsets(producer, group: "g") == .none)
            #expect(try broker.commitOffsets(producer, group: "g", "t", offset: offset) == .none)
            #expect(try broker.committedOffset(group: "g", "t", requireStable: true).error == .unstableOffsetCommit)
            #expect(try broker.committedOffset(group: "g", "t", requireStable: true).committedOffset == -1)
            #expect(try broker.committedOffset(group: "g", "t", 1, requireStable: true).error == .none)
            #expect(try broker.committedOffset(group: "g", "t").committedOffset == before)
            #expect(try broker.endTransaction(producer, commit: commits) == .none)
            let after = try broker.committedOffset(group: "g", "t", requireStable: true)
            #expect(after.error == .none)
            #expect(after.committedOffset == 5)
            #expect(after.metadata == "m5")
        }
    }

    /// What is kept back is enough to end what is open; producers go on when it is there again.
    @Test(arguments: [true, false]) func transactionsEndOnAFullDisk(commits: Bool) throws {
        let broker = try broker()
        let producer = try broker.producer("tx")
        #expect(try broker.addPartition(producer, "t") == .none)
        _ = try broker.produce(broker.batch(["a"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
        broker.storage.isFull = true
        let refused = broker.batch(["b"], producer: producer, sequence: 1)
        #expect(try broker.produce(refused, to: "t", transactionalID: "tx").error == .storageError)
        #expect(try broker.endTransaction(producer, commit: commits) == .none)
        #expect(try broker.consume("t", committed: true) == (commits ? ["a"] : []))
        #expect(try broker.fetch("t", committed: true).lastStableOffset == 2)
        #expect(try broker.produce(broker.batch(["c"]), to: "t").error == .storageError)
        #expect(try broker.commitOffset(group: "g", "t", offset: 1) == .coordinatorNotAvailable)
        broker.storage.isFull = false
        broker.advance(by: 2000)
        #expect(try broker.produce(broker.batch(["d"]), to: "t").error == .none)
        #expect(try broker.restarted().consume("t", committed: true) == (commits ? ["a", "d"] : ["d"]))
    }

    /// Without a reserve (it may have been lost, too) nothing is decided that cannot be written down.
    @Test func aDiskThatFailsDecidesNothing() throws {
        let broker = try broker()
        let producer = try broker.producer("tx")
        #expect(try broker.addPartition(producer, "t") == .none)
        _ = try broker.produce(broker.batch(["a"], producer: producer, sequence: 0), to: "t", transactionalID: "tx")
        broker.storage.changesUntilFailure = 0
        #expect(try broker.endTransaction(producer, commit: true) == .coordinatorNotAvailable)
        broker.storage.changesUntilFailure = nil
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        #expect(try broker.consume("t", committed: true) == ["a"])
    }
}
