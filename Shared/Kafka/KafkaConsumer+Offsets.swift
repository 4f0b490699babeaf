internal import CRdkafka

extension KafkaConsumer {
    /// Stops fetching these partitions; what was fetched ahead is dropped and fetched again after `resume`.
    public func pause(_ partitions: [TopicPartition]) throws(KafkaError) {
        guard !partitions.isEmpty else { return }
        let list = PartitionList(partitions)
        try check("pause partitions") { handle in
            list.withPointer { unsafe rd_kafka_pause_partitions(handle, $0) }
        }
        try list.check("pause")
        setPaused(partitions, true)
    }

    /// Goes on fetching. Partitions that are not paused are left alone: up to 2.6, resuming one would rewind it.
    public func resume(_ partitions: [TopicPartition]) throws(KafkaError) {
        let wanted = partitions.filter(paused.contains)
        guard !wanted.isEmpty else { return }
        let list = PartitionList(wanted)
        try check("resume partitions") { handle in
            list.withPointer { unsafe rd_kafka_resume_partitions(handle, $0) }
        }
        try list.check("resume")
        setPaused(wanted, false)
    }

    /// Reads partitions that are held or paused from these offsets on.
    public func start(_ offsets: [TopicPartition: Int64]) throws(KafkaError) {
        try seek(offsets)
        try resume(Array(offsets.keys))
    }

    /// Continues each partition at this offset; records fetched ahead are dropped. The next end of partition is
    /// reported again.
    public func seek(_ offsets: [TopicPartition: Int64]) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = PartitionList(offsets)
        // -1: up to 2.1 a finite time-out is divided by 1,000. No broker is asked; this takes well below 1 ms.
        let error = list.withPointer { unsafe rd_kafka_seek_partitions(handle.pointer, $0, -1) }
        if let error = unsafe error { throw unsafe KafkaError(consuming: error, operation: "seek") }
        try list.check("seek")
    }

    /// The next offset that `poll` will return, of those partitions of which it has returned something.
    public func position(_ partitions: some Collection<TopicPartition>) throws(KafkaError) -> [TopicPartition: Int64] {
        guard !partitions.isEmpty else { return [:] }
        let list = PartitionList(partitions)
        try check("read positions") { handle in
            list.withPointer { unsafe rd_kafka_position(handle, $0) }
        }
        return list.offsets
    }

    /// What the group has committed, from the broker; partitions without a commit are absent. Blocks, and waits for
    /// pending transactions on a `read_committed` consumer.
    public func committed(
        _ partitions: some Collection<TopicPartition>, _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        guard !partitions.isEmpty else { return [:] }
        let list = PartitionList(partitions)
        try Retry.until(deadline) { () throws(KafkaError) in
            try check("fetch committed offsets") { handle in
                list.withPointer { unsafe rd_kafka_committed(handle, $0, deadline.milliseconds) }
            }
            try list.check("fetch committed offsets")
        }
        return Dictionary(
            uniqueKeysWithValues: list.entries.compactMap { entry in
                entry.offset >= 0
                    ? (entry.partition, CommittedOffset(offset: entry.offset, metadata: entry.metadata)) : nil
            })
    }

    /// Commits outside of a transaction: for tools. A stream's offsets go through its `TransactionalProducer`.
    public func commit(_ offsets: [TopicPartition: OffsetAndMetadata], _ deadline: Deadline) throws(KafkaError) {
        guard !offsets.isEmpty else { return }
        let list = PartitionList(capacity: offsets.count)
        for (partition, position) in offsets { list.add(partition, position) }
        guard let queue = unsafe rd_kafka_queue_new(handle.pointer) else { return }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        try check("commit offsets") { handle in
            list.withPointer { unsafe rd_kafka_commit_queue(handle, $0, queue, nil, nil) }
        }
        guard let event = unsafe rd_kafka_queue_poll(queue, deadline.milliseconds) else {
            throw .timedOut("commit offsets")
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        let code = unsafe rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, operation: "commit offsets") }
        let results = unsafe PartitionEntry.all(in: rd_kafka_event_topic_partition_list(event))
        for result in results where result.code.rawValue != 0 {
            throw KafkaError(code: result.code, operation: "commit the offset of \(result.partition)")
        }
    }

    /// First and last offsets, as this consumer's isolation level sees them: the end is the last stable offset for
    /// `read_committed`, so a restore asks a `read_uncommitted` consumer.
    public func watermarks(
        _ partitions: some Collection<TopicPartition>, _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Watermarks] {
        let low = try listOffsets(partitions, Self.beginning, deadline)
        let high = try listOffsets(partitions, Self.end, deadline)
        var result: [TopicPartition: Watermarks] = [:]
        for (partition, high) in high {
            guard let low = low[partition] else { continue }
            result[partition] = Watermarks(low: low, high: high)
        }
        return result
    }

    /// Last offsets only, with one request instead of two.
    public func ends(
        _ partitions: some Collection<TopicPartition>, _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        try listOffsets(partitions, Self.end, deadline)
    }

    public func watermarks(_ partition: TopicPartition, _ deadline: Deadline) throws(KafkaError) -> Watermarks {
        guard let result = try watermarks([partition], deadline)[partition] else {
            throw KafkaError(code: .unknownPartition, operation: "read the watermarks of \(partition)")
        }
        return result
    }

    /// The first offset whose timestamp (ms since 1970-01-01T00:00:00Z) is at or after the given one; partitions
    /// without such a record are absent.
    public func offsetsForTimes(
        _ times: [TopicPartition: Int64], _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        try OffsetLookup.offsets(times, handle, deadline)
    }

    private func listOffsets(
        _ partitions: some Collection<TopicPartition>, _ which: Int64, _ deadline: Deadline
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let queries = partitions.map { ($0, which) }
        return try OffsetLookup.offsets(Dictionary(queries) { $1 }, handle, deadline)
    }
}
