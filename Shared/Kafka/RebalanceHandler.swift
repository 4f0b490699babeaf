/// Told about changes of a group member's assignment, inside `poll` or `close`, on the thread that calls them.
///
/// The whole group waits while a handler runs: draw every blocking call in it from one `Deadline`. Assignments are
/// eager: a rebalance revokes everything before it assigns anew.
public protocol RebalanceHandler: AnyObject {
    /// These partitions are ours now; fetching starts at the committed offsets, or with `KafkaConsumer.start` where the
    /// group holds them (`ConsumerGroup.holdsPartitions`). `consumer.groupMetadata()` is that of the new generation.
    func assigned(_ partitions: [TopicPartition], consumer: KafkaConsumer)

    /// Called before these partitions are given up: the generation is still valid, so that a commit made here counts.
    /// Records polled but not yet returned by `poll` are dropped; the next owner gets them.
    func revoked(_ partitions: [TopicPartition], consumer: KafkaConsumer)

    /// These partitions have been given to others already: nothing can be committed any more, abort and drop the state.
    func lost(_ partitions: [TopicPartition], consumer: KafkaConsumer)
}
