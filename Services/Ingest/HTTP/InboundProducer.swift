/// One record for the inbound topic: an event as its sender wrote it.
package struct InboundRecord: Sendable, Equatable {
    /// The entity's id.
    package var key: [UInt8]
    package var value: [UInt8]
    /// The attributes of an event in binary mode, else empty.
    package var headers: [Header]

    package struct Header: Sendable, Equatable {
        package var name: String
        package var value: [UInt8]

        package init(_ name: String, _ value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package init(key: [UInt8], value: [UInt8], headers: [Header] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Why records did not all become durable. Some of them may have: sending them again does no harm, because an event's
/// `source` and `id` make it count once.
package enum InboundFailure: Error, Sendable, Equatable {
    /// The queue is full for the moment.
    case full
    /// The broker does not answer, or refuses.
    case unavailable(String)
}

/// Where accepted events go.
package protocol InboundProducer: Sendable {
    /// Returns when every record is durable.
    func send(_ records: [InboundRecord]) async throws(InboundFailure)
}
