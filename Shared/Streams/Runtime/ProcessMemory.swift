import Kafka
import Synchronization

/// What all stream threads of a process share about its own death and survival.
package final class ProcessMemory: Sendable {
    /// All stages of a process die together, so they share one memory.
    package static let shared = ProcessMemory()

    private struct Key: Hashable {
        var group: String
        var topicPartition: TopicPartition
    }

    private let gate = Mutex<Void>(())
    private let commits = Mutex<[Key: OffsetAndMetadata]>([:])

    package init() {}

    /// Lets one stream thread at a time try suspicious records.
    ///
    /// Without it, a thread that dies of its record would take others down in the middle of theirs, at the same point of
    /// every start, and in the end innocent records would be rejected with the guilty one.
    func withGate<E: Error>(_ body: () throws(E) -> Void) throws(E) {
        try gate.withLock { _ throws(E) in try body() }
    }

    /// This process has committed these offsets.
    func committed(_ offsets: [TopicPartition: OffsetAndMetadata], group: String) {
        commits.withLock { commits in
            for (topicPartition, offset) in offsets {
                commits[Key(group: group, topicPartition: topicPartition)] = offset
            }
        }
    }

    /// Whether the committed offset is the one that this process wrote. Then whatever happened since (lost clients, a
    /// broker's outage) was not the death of the process, and no record is to blame.
    func isOwn(_ offset: OffsetAndMetadata, of topicPartition: TopicPartition, group: String) -> Bool {
        commits.withLock { $0[Key(group: group, topicPartition: topicPartition)] } == offset
    }
}
