internal import CRdkafka

/// Messages whose keys and values have been copied, kept for their headers.
///
/// librdkafka parses headers when asked for them, and allocates for that also where a message has none, which took 6 % of the
/// time of a stream thread. Hardly anybody asks, but a dead letter carries all of them.
@safe struct HeldMessages: ~Copyable {
    private var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = unsafe []

    deinit {
        unsafe messages.forEach { unsafe rd_kafka_message_destroy($0) }
    }

    /// Takes a message over.
    ///
    /// - Returns: its place.
    mutating func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Int {
        unsafe messages.append(message)
        return unsafe messages.count - 1
    }

    mutating func removeAll() {
        unsafe messages.forEach { unsafe rd_kafka_message_destroy($0) }
        unsafe messages.removeAll(keepingCapacity: true)
    }

    /// Names and values of a message's headers, in their order.
    func forEachHeader(of place: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> Void) {
        var headers: OpaquePointer?
        guard unsafe rd_kafka_message_headers(messages[place], &headers) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while unsafe rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
            index += 1
            guard let text = unsafe name else { continue }
            let count = unsafe UnsafeBufferPointer(start: text, count: .max).firstIndex(of: 0) ?? 0
            unsafe body(
                UnsafeRawBufferPointer(start: text, count: count),
                value.map { unsafe UnsafeRawBufferPointer(start: $0, count: size) })
        }
    }
}
