internal import CRdkafka

extension RecordBatch {
    /// Copies a message in; the caller still owns it.
    func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>, of topicPartition: TopicPartition) {
        if runs.last?.topicPartition != topicPartition { beginRun(topicPartition) }
        let (keyStart, keyCount) = unsafe copyOptional(message.pointee.key, message.pointee.key_len)
        let (valueStart, valueCount) = unsafe copyOptional(message.pointee.payload, message.pointee.len)
        let firstHeader = headerCount
        unsafe copyHeaders(of: message)
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        unsafe appendRecord(
            Record(
                offset: message.pointee.offset, timestamp: rd_kafka_message_timestamp(message, &type),
                keyStart: keyStart, keyCount: keyCount, valueStart: valueStart, valueCount: valueCount,
                headers: firstHeader..<headerCount))
    }

    private func copyOptional(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> (start: Int, count: Int) {
        guard let pointer = unsafe pointer else { return (byteCount, -1) }
        return (unsafe copy(UnsafeRawBufferPointer(start: pointer, count: count)), count)
    }

    private func copyHeaders(of message: UnsafeMutablePointer<rd_kafka_message_t>) {
        var headers: OpaquePointer?
        guard unsafe rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while unsafe rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
            index += 1
            guard let text = unsafe name else { continue }
            let nameCount = unsafe UnsafeBufferPointer(start: text, count: .max).firstIndex(of: 0) ?? 0
            let nameStart = unsafe copy(UnsafeRawBufferPointer(start: text, count: nameCount))
            let (start, count) = unsafe copyOptional(UnsafeMutableRawPointer(mutating: value), size)
            appendHeader(Header(nameStart: nameStart, nameCount: nameCount, valueStart: start, valueCount: count))
        }
    }
}
