import LocalBroker
import NIOCore
import Testing

/// Random operations on the broker and on a model that knows only what a client may expect.
@Suite struct ModelTests {
    /// What a client believes of one transactional producer.
    private struct ProducerModel {
        var handle: Harness.Producer
        var sequences: [Int32: Int32] = [:]
        var added: Set<Int32> = []
        var isOpen = false
        var offset: Int64?
        var began: Int64 = 0
    }

    private struct Entry {
        var value: String
        /// Nil: not in a transaction. Else the number of the transaction.
        var transaction: Int?
    }

    private static let partitions: Int32 = 3
    private static let timeout: Int64 = 10_000

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func agreesWithTheModel(seed: UInt64) throws {
        var random = Seeded(seed)
        var broker = try Harness()
        try #require(
            try broker.createTopic("t", partitions: Self.partitions, configs: ["segment.bytes": "2000"]) == .none)
        var logs: [Int32: [Entry]] = [0: [], 1: [], 2: []]
        var fate: [Int: Bool] = [:]
        var current: [String: Int] = [:]
        var nextTransaction = 0
        var producers: [String: ProducerModel] = [:]
        var zombies: [ProducerModel] = []
        var committed: Int64 = -1
        var counts: [String: Int] = [:]

        func end(_ id: String, commits: Bool) {
            guard var producer = producers[id] else { return }
            if let number = current.removeValue(forKey: id) { fate[number] = commits }
            if commits, let offset = producer.offset { committed = offset }
            producer.isOpen = false
            producer.added = []
            producer.offset = nil
            producers[id] = producer
        }
        func begin(_ id: String) {
            guard producers[id]?.isOpen == false else { return }
            producers[id]?.isOpen = true
            producers[id]?.began = broker.time.monotonic
            nextTransaction += 1
            current[id] = nextTransaction
        }

        for step in 0..<400 {
            let id = "tx\(Int.random(in: 0..<3, using: &random))"
            let partition = Int32.random(in: 0..<Self.partitions, using: &random)
            let choice = Int.random(in: 0..<100, using: &random)
            let where_: SourceLocation = #_sourceLocation
            func expect(_ condition: Bool, _ what: String) {
                #expect(condition, "seed \(seed), step \(step): \(what)", sourceLocation: where_)
            }
            switch choice {
            case 0..<12:  // a plain record
                let value = "p\(step)"
                let result = try broker.produce(broker.batch([value]), to: "t", partition)
                expect(result.error == .none, "plain produce \(result.error)")
                logs[partition]?.append(Entry(value: value))
                counts["plain", default: 0] += 1
            case 12..<20:  // a producer starts, over the former one
                let handle = try broker.producer(id, timeout: Int32(Self.timeout))
                if let old = producers[id] {
                    end(id, commits: false)
                    zombies.append(old)
                    expect(handle.epoch > old.handle.epoch || handle.id != old.handle.id, "no newer epoch")
                }
                producers[id] = ProducerModel(handle: handle)
                counts["init", default: 0] += 1
            case 20..<60:  // a record in a transaction
                guard let producer = producers[id] else { continue }
                if !producer.added.contains(partition) {
                    let error = try broker.addPartition(producer.handle, "t", partition)
                    expect(error == .none, "add partition \(error)")
                    begin(id)
                    producers[id]?.added.insert(partition)
                }
                let value = "t\(step)"
                let sequence = producer.sequences[partition] ?? 0
                let batch = broker.batch([value], producer: producer.handle, sequence: sequence)
                let result = try broker.produce(batch, to: "t", partition, transactionalID: id)
                expect(result.error == .none, "produce \(result.error)")
                logs[partition]?.append(Entry(value: value, transaction: current[id]))
                producers[id]?.sequences[partition] = sequence + 1
                if choice < 25 {  // its response was lost, presumably
                    let again = try broker.produce(batch, to: "t", partition, transactionalID: id)
                    expect(again.error == .none && again.baseOffset == result.baseOffset, "duplicate \(again)")
                    counts["duplicate", default: 0] += 1
                }
                counts["transactional", default: 0] += 1
            case 60..<66:  // offsets
                guard let producer = producers[id] else { continue }
                expect(try broker.addOffsets(producer.handle, group: "g") == .none, "add offsets")
                begin(id)
                expect(
                    try broker.commitOffsets(producer.handle, group: "g", "t", offset: Int64(step)) == .none, "offset")
                producers[id]?.offset = Int64(step)
                counts["offsets", default: 0] += 1
            case 66..<80:  // the end of a transaction
                guard let producer = producers[id], producer.isOpen else { continue }
                let commits = choice < 74
                expect(try broker.endTransaction(producer.handle, commit: commits) == .none, "end")
                end(id, commits: commits)
                counts[commits ? "commit" : "abort", default: 0] += 1
            case 80..<86:  // a zombie tries
                guard let zombie = zombies.randomElement(using: &random) else { continue }
                let batch = broker.batch(
                    ["zombie"], producer: zombie.handle, sequence: zombie.sequences[partition] ?? 0)
                let result = try broker.produce(
                    batch, to: "t", partition, transactionalID: zombie.handle.transactionalID)
                // What it had written before it was fenced it may repeat; nothing new.
                expect(result.error != .none, "a zombie has written")
                expect(try broker.endTransaction(zombie.handle, commit: true) != .none, "a zombie has committed")
                expect(
                    try broker.commitOffsets(zombie.handle, group: "g", "t", offset: 1) != .none, "a zombie's offset")
                counts["zombie", default: 0] += 1
            case 86..<90:  // time passes
                broker.advance(by: Int64.random(in: 1...4_000, using: &random))
                for (id, producer) in producers where producer.isOpen {
                    if broker.time.monotonic - producer.began >= Self.timeout {
                        zombies.append(producer)
                        end(id, commits: false)
                        producers[id] = nil
                        counts["timeout", default: 0] += 1
                    }
                }
            case 90..<93:  // kill -9
                broker = try broker.restarted()
                for id in producers.keys { producers[id]?.began = broker.time.monotonic }
                counts["restart", default: 0] += 1
            default:  // everybody reads
                for (partition, entries) in logs {
                    let all = try broker.consume("t", partition, committed: false)
                    expect(all == entries.map(\.value), "read_uncommitted of \(partition)")
                    let undecided =
                        entries.firstIndex { $0.transaction.map { fate[$0] == nil } ?? false } ?? entries.count
                    let expected = entries[..<undecided].filter { $0.transaction.map { fate[$0] == true } ?? true }
                    let seen = try broker.consume("t", partition, committed: true)
                    expect(seen == expected.map(\.value), "read_committed of \(partition)")
                }
                let pending = producers.values.contains { $0.isOpen && $0.offset != nil }
                let stable = try broker.committedOffset(group: "g", "t", requireStable: true)
                expect((stable.error == .unstableOffsetCommit) == pending, "stable offset")
                expect(try broker.committedOffset(group: "g", "t").committedOffset == committed, "committed offset")
                counts["read", default: 0] += 1
            }
        }
        for what in ["plain", "init", "transactional", "commit", "read"] {
            #expect(counts[what, default: 0] > 0, "seed \(seed) never did \(what)")
        }
    }
}
