internal import CRdkafka

/// Finds the `TopicPartition` of a message without making a string of its topic's name: messages of a topic share one
/// topic handle for as long as an assignment lasts.
@safe struct TopicPartitionCache {
    private var entries: [(topic: OpaquePointer, topicPartition: TopicPartition)] = unsafe []
    private var last = 0

    mutating func removeAll() {
        unsafe entries.removeAll()
        last = 0
    }

    /// - Returns: nil for a message that belongs to no topic.
    mutating func topicPartition(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> TopicPartition? {
        guard let topic = unsafe message.pointee.rkt else { return nil }
        let partition = unsafe message.pointee.partition
        if unsafe last < entries.count, unsafe matches(last, topic, partition) {
            return unsafe entries[last].topicPartition
        }
        for index in unsafe entries.indices where unsafe matches(index, topic, partition) {
            last = index
            return unsafe entries[index].topicPartition
        }
        guard let name = unsafe rd_kafka_topic_name(topic) else { return nil }
        last = unsafe entries.count
        unsafe entries.append((topic, TopicPartition(topic: String(cString: name), partition: partition)))
        return unsafe entries[last].topicPartition
    }

    private func matches(_ index: Int, _ topic: OpaquePointer, _ partition: Int32) -> Bool {
        unsafe entries[index].topic == topic && entries[index].topicPartition.partition == partition
    }
}
