package import Kafka
import Streams

/// Whether the loss of a broker would lose records or stop the services.
package enum ReplicationCheck {
    /// A topic's copies, with the partitions that are worst off.
    package struct Copies: Sendable, Equatable {
        package var topic: String
        /// Of the partition with the fewest.
        package var replicas: Int
        /// In step with the leader, of the partition with the fewest.
        package var inSync: Int
        /// `min.insync.replicas`.
        package var minimum: Int

        package init(topic: String, replicas: Int, inSync: Int, minimum: Int) {
            self.topic = topic
            self.replicas = replicas
            self.inSync = inSync
            self.minimum = minimum
        }

        /// Nil for a topic without partitions.
        package init?(_ topic: TopicDescription, minimum: Int) {
            guard let replicas = topic.partitions.map(\.replicas.count).min(),
                let inSync = topic.partitions.map(\.inSync.count).min()
            else { return nil }
            self.init(topic: topic.name, replicas: replicas, inSync: inSync, minimum: minimum)
        }
    }

    /// One finding per kind of fault, each with a few of the topics that have it.
    package static func findings(_ topics: [Copies], brokers: Int) -> [Finding] {
        let wanted = Replication(brokers: brokers)
        var findings: [Finding] = []
        func add(_ grade: Finding.Grade, _ text: String, _ advice: String, _ test: (Copies) -> Bool) {
            let names = topics.filter(test).map(\.topic).sorted()
            guard !names.isEmpty else { return }
            let few = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " …" : "")
            findings.append(Finding("replication", grade, "\(names.count) topics \(text): \(few)", advice: advice))
        }
        add(
            .fail, "have fewer replicas in step than min.insync.replicas",
            "writes are refused until a broker is back; look at the brokers"
        ) { $0.inSync < $0.minimum }
        add(
            .fail, "need every replica in step (min.insync.replicas)",
            "one broker down stops the services: set min.insync.replicas to \(wanted.minimumInSync)"
        ) { $0.replicas > 1 && $0.minimum >= $0.replicas }
        add(
            .warn, "have replicas that are not in step", "a broker is down or too slow; look at it"
        ) { $0.inSync < $0.replicas && $0.inSync >= $0.minimum }
        add(
            .warn, "have fewer than \(wanted.factor) replicas, though there are \(brokers) brokers",
            "losing one disk loses them: kafka-reassign-partitions.sh adds replicas"
        ) { $0.replicas < Int(wanted.factor) }
        add(
            .warn, "acknowledge a record that only one broker has",
            "kafka-configs.sh --alter --add-config min.insync.replicas=\(wanted.minimumInSync)"
        ) { $0.replicas >= 3 && $0.minimum < 2 }
        if findings.isEmpty {
            let text =
                brokers < 3
                ? "one copy, since there are \(brokers) brokers: losing a disk loses records"
                : "\(wanted.factor) copies, of which \(wanted.minimumInSync) must be in step"
            findings.append(Finding("replication", brokers < 3 ? .warn : .ok, text))
        }
        return findings
    }
}
