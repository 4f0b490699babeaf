internal import CRdkafka

/// Reads `rd_kafka_metadata` answers.
enum TopicMetadata {
    /// The number of partitions of one topic; also teaches librdkafka the topic's leaders.
    static func partitionCount(
        of name: String, _ topic: OpaquePointer, _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(KafkaError) -> Int32 {
        let operation = "fetch the metadata of \(name)"
        var result: UnsafePointer<rd_kafka_metadata>?
        // An endless wait is cut into slices; the caller repeats them.
        let slice = deadline.limited(to: .seconds(5)).milliseconds
        let code = unsafe rd_kafka_metadata(handle, 0, topic, &result, slice)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = unsafe result else {
            throw KafkaError(code, operation: operation)
        }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        guard unsafe metadata.pointee.topic_cnt > 0, let entry = unsafe metadata.pointee.topics?.pointee else {
            throw KafkaError(code: .unknownTopic, operation: operation)
        }
        guard unsafe entry.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw unsafe KafkaError(entry.err, operation: operation)
        }
        return unsafe entry.partition_cnt
    }
}
