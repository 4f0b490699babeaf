internal import CRdkafka

extension RecordBatch {
    /// Copies a message's key and value into the last run, and takes the message over: its headers are read when asked for.
    func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let (keyStart, keyCount) = unsafe copyOptional(message.pointee.key, message.pointee.key_len)
        let (valueStart, valueCount) = unsafe copyOptional(message.pointee.payload, message.pointee.len)
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = unsafe rd_kafka_message_timestamp(message, &type)
        unsafe appendRecord(
            Record(
                offset: message.pointee.offset, timestamp: timestamp, keyStart: keyStart, keyCount: keyCount,
                valueStart: valueStart, valueCount: valueCount, headers: .held(held.append(message))))
    }

    /// Copies the headers that have not been read yet, and gives the messages back to librdkafka: none may outlive its client.
    func detach() {
        for index in records.indices {
            guard case .held(let place) = records[index].headers else { continue }
            let first = headerCount
            unsafe held.forEachHeader(of: place) { name, value in
                let nameStart = unsafe copy(name)
                let valueStart = unsafe value.map { unsafe copy($0) } ?? byteCount
                unsafe appendHeader(
                    Header(
                        nameStart: nameStart, nameCount: name.count, valueStart: valueStart,
                        valueCount: value?.count ?? -1))
            }
            setHeaders(first..<headerCount, of: index)
        }
        held.removeAll()
        seal()
    }

    private func copyOptional(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> (start: Int, count: Int) {
        guard let pointer = unsafe pointer else { return (byteCount, -1) }
        return (unsafe copy(UnsafeRawBufferPointer(start: pointer, count: count)), count)
    }
}
