import Kafka
import SupportEvents

/// Who is told a fact.
struct BatchReceiver: Hashable {
    var kind: EntityKind
    var id: [UInt8]
}

/// A fact that one entity states to another.
struct BatchStatement {
    /// Tells the facts of one receiver apart.
    var origin: UInt64
    var fact: Fact
    /// In the first of the states that the service may be in.
    var holdsBefore: Bool
    /// In the last of them.
    var holdsAfter: Bool
}

/// The facts that the entities of all stages state, in place of the topics that carry them.
struct BatchStatements {
    /// By topic, then by receiver.
    private var topics: [String: [BatchReceiver: [BatchStatement]]] = [:]

    /// - Parameters:
    ///   - before: What the sender states in the first of its states.
    ///   - after: In the last of them.
    mutating func add(_ topic: String, sender: [UInt8], before: [AddressedFact], after: [AddressedFact]) {
        for fact in before {
            let remains = after.contains { $0.address == fact.address }
            add(topic, sender, fact, holdsBefore: true, holdsAfter: remains)
        }
        for fact in after where !before.contains(where: { $0.address == fact.address }) {
            add(topic, sender, fact, holdsBefore: false, holdsAfter: true)
        }
    }

    private mutating func add(
        _ topic: String, _ sender: [UInt8], _ fact: AddressedFact, holdsBefore: Bool, holdsAfter: Bool
    ) {
        let origin = FactRecord.origin(kind: fact.fact.kind, sender: sender)
        topics[topic, default: [:]][BatchReceiver(kind: fact.receiver, id: fact.key), default: []].append(
            BatchStatement(origin: origin, fact: fact.fact, holdsBefore: holdsBefore, holdsAfter: holdsAfter))
    }

    /// What the receivers of one partition are told.
    func statements(_ topic: String, partition: Int32, of count: Int32) -> [BatchReceiver: [BatchStatement]] {
        (topics[topic] ?? [:]).filter { Partitioner.partition(key: $0.key.id, count: count) == partition }
    }
}
