internal import CRdkafka

/// Producing with and without headers; librdkafka owns the headers once it has accepted the record.
enum HeaderList {
    typealias Headers = [(name: String, value: [UInt8]?)]

    static func produce(
        _ handle: OpaquePointer, _ topic: OpaquePointer, _ partition: Int32, key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?, headers: Headers, opaque: UnsafeMutableRawPointer?
    ) -> rd_kafka_resp_err_t {
        let list = unsafe headers.isEmpty ? nil : make(headers)
        let code = unsafe crdkafka_produce(
            handle, topic, partition, pointer(key), key?.count ?? 0, pointer(value), value?.count ?? 0, list, opaque)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list { unsafe rd_kafka_headers_destroy(list) }
        return code
    }

    private static func make(_ headers: Headers) -> OpaquePointer? {
        let list = unsafe rd_kafka_headers_new(headers.count)
        for header in headers {
            if let value = header.value {
                unsafe value.withUnsafeBytes { value in
                    // An empty value is not a null one, so its address must not be null.
                    let pointer = unsafe UnsafeMutableRawPointer(mutating: pointer(value))
                    _ = unsafe rd_kafka_header_add(list, header.name, -1, pointer, value.count)
                }
            } else {
                unsafe rd_kafka_header_add(list, header.name, -1, nil, 0)
            }
        }
        return unsafe list
    }

    /// An address for bytes that are there, also when there are none of them: a null address means a null key or value.
    private static func pointer(_ bytes: UnsafeRawBufferPointer?) -> UnsafeRawPointer? {
        guard let bytes = unsafe bytes else { return nil }
        return unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
    }
}

/// The bytes of an optional span for the duration of `body`.
func withOptionalBytes<R>(_ span: RawSpan?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard let span else { return body(nil) }
    return unsafe span.withUnsafeBytes { unsafe body($0) }
}
