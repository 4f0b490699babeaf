internal import CRdkafka

/// Owns an `rd_kafka_topic_partition_list_t`: one that is never destroyed blocks `rd_kafka_destroy` for ever.
@safe struct PartitionList: ~Copyable {
    private let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(capacity: Int = 0) {
        unsafe pointer = rd_kafka_topic_partition_list_new(Int32(clamping: capacity))
    }

    init(_ partitions: some Collection<TopicPartition>, offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
        self.init(capacity: partitions.count)
        for partition in partitions { add(partition, offset: offset) }
    }

    init(_ offsets: [TopicPartition: Int64]) {
        self.init(capacity: offsets.count)
        for (partition, offset) in offsets { add(partition, offset: offset) }
    }

    deinit {
        unsafe rd_kafka_topic_partition_list_destroy(pointer)
    }

    borrowing func add(_ partition: TopicPartition, offset: Int64) {
        let element = unsafe rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)
        unsafe element?.pointee.offset = offset
    }

    /// The metadata is copied to memory that librdkafka frees along with the list.
    borrowing func add(_ partition: TopicPartition, _ position: OffsetAndMetadata) {
        guard let element = unsafe rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)
        else { return }
        unsafe element.pointee.offset = position.offset
        var text = Array(position.metadata.utf8)
        guard !text.isEmpty, let copy = unsafe rd_kafka_mem_malloc(nil, text.count) else { return }
        unsafe copy.copyMemory(from: &text, byteCount: text.count)
        unsafe element.pointee.metadata = copy
        unsafe element.pointee.metadata_size = text.count
    }

    @safe borrowing func withPointer<R, E: Error>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws(E) -> R
    ) throws(E) -> R {
        unsafe try body(pointer)
    }

    var entries: [PartitionEntry] { unsafe PartitionEntry.all(in: pointer) }

    /// The offsets that are there: neither unknown nor logical.
    var offsets: [TopicPartition: Int64] {
        Dictionary(entries.compactMap { $0.offset >= 0 ? ($0.partition, $0.offset) : nil }) { $1 }
    }

    /// The first partition of the list that has an error of its own.
    borrowing func check(_ operation: String) throws(KafkaError) {
        for entry in entries where entry.code.rawValue != 0 {
            throw KafkaError(code: entry.code, operation: "\(operation) of \(entry.partition)")
        }
    }
}

/// A copy of one element of a list.
struct PartitionEntry {
    var partition: TopicPartition
    var offset: Int64
    var metadata: String
    var code: KafkaError.Code

    /// Copies a list that somebody else owns.
    static func all(in list: UnsafePointer<rd_kafka_topic_partition_list_t>?) -> [PartitionEntry] {
        guard let list = unsafe list, let elements = unsafe list.pointee.elems else { return [] }
        return unsafe UnsafeBufferPointer(start: elements, count: Int(list.pointee.cnt)).map { element in
            let metadata = unsafe UnsafeRawBufferPointer(start: element.metadata, count: element.metadata_size)
            return unsafe PartitionEntry(
                partition: TopicPartition(topic: String(cString: element.topic), partition: element.partition),
                offset: element.offset, metadata: String(decoding: metadata, as: UTF8.self),
                code: KafkaError.Code(rawValue: element.err.rawValue))
        }
    }
}
