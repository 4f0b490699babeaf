package import Kafka

/// How many copies of a new topic's records there are.
package struct Replication: Sendable, Hashable {
    package var factor: Int32
    /// With fewer copies in step than this, a write is refused rather than acknowledged.
    package var minimumInSync: Int32 { factor >= 3 ? factor - 1 : 1 }

    package init(factor: Int32) {
        self.factor = factor
    }

    /// 3 where there are brokers enough, so that one may fail without loss and without a standstill; else 1.
    package init(brokers: Int) {
        factor = brokers >= 3 ? 3 : 1
    }
}

extension TopicSpec {
    /// The topic as it is to be created.
    package func newTopic(_ replication: Replication) -> NewTopic {
        NewTopic(
            name: name, partitions: partitions, replicationFactor: replication.factor,
            configuration: configuration(replication))
    }

    /// All settings of a new topic.
    package func configuration(_ replication: Replication) -> [String: String] {
        var all = settings.merging(["cleanup.policy": cleanup.rawValue]) { $1 }
        if replication.factor > 1 { all["min.insync.replicas"] = "\(replication.minimumInSync)" }
        return all
    }

    /// The command of Kafka's own tools that creates it; `BOOTSTRAP` is a shell variable.
    package func createCommand(_ replication: Replication) -> String {
        let settings = configuration(replication).sorted { $0.key < $1.key }.map { " --config \($0.key)=\($0.value)" }
        return "kafka-topics.sh --bootstrap-server \"$BOOTSTRAP\" --create --if-not-exists --topic \(name)"
            + " --partitions \(partitions) --replication-factor \(replication.factor)" + settings.joined()
    }
}
