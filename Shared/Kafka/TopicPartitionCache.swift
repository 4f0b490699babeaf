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

    /// The partition at a place.
    subscript(_ place: Int) -> TopicPartition { unsafe entries[place].topicPartition }

    /// - Returns: nil for a message that belongs to no topic.
    mutating func topicPartition(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> TopicPartition? {
        unsafe place(of: message).map { self[$0] }
    }

    /// The place of a message's partition, the same until the next `removeAll`: to compare it costs less than to compare names.
    ///
    /// - Returns: nil for a message that belongs to no topic.
    mutating func place(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> Int? {
        guard let topic = unsafe message.pointee.rkt else { return nil }
        let partition = unsafe message.pointee.partition
        if unsafe last < entries.count, unsafe matches(last, topic, partition) { return last }
        for index in unsafe entries.indices where unsafe matches(index, topic, partition) {
            last = index
            return index
        }
        guard let name = unsafe rd_kafka_topic_name(topic) else { return nil }
        last = unsafe entries.count
        unsafe entries.append((topic, TopicPartition(topic: String(cString: name), partition: partition)))
        return last
    }

    private func matches(_ index: Int, _ topic: OpaquePointer, _ partition: Int32) -> Bool {
        unsafe entries[index].topic == topic && entries[index].topicPartition.partition == partition
    }
}
