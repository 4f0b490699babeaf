package import NIOCore

package struct FetchRequest: WireStruct {
    package var replicaID: Int32 = -1
    package var maxWait: Int32 = 0
    package var minBytes: Int32 = 0
    package var maxBytes: Int32 = .max
    package var isolationLevel: Int8 = 0
    package var sessionID: Int32 = 0
    package var sessionEpoch: Int32 = -1
    package var topics: [Topic] = []
    package var forgotten: [Forgotten] = []
    package var rackID: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&replicaID)
        try coder.int32(&maxWait)
        try coder.int32(&minBytes)
        try coder.int32(&maxBytes)
        try coder.int8(&isolationLevel)
        if coder.version >= 7 { try coder.int32(&sessionID) }
        if coder.version >= 7 { try coder.int32(&sessionEpoch) }
        try coder.array(&topics)
        if coder.version >= 7 { try coder.array(&forgotten) }
        if coder.version >= 11 { try coder.string(&rackID) }
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var fetchOffset: Int64 = 0
        package var logStartOffset: Int64 = -1
        package var maxBytes: Int32 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            if coder.version >= 9 { try coder.int32(&currentLeaderEpoch) }
            try coder.int64(&fetchOffset)
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            try coder.int32(&maxBytes)
            try coder.tags()
        }
    }

    package typealias Forgotten = TopicPartitions
}

package struct FetchResponse: WireStruct {
    package var error: ErrorCode = .none
    package var sessionID: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        if coder.version >= 7 { try coder.error(&error) }
        if coder.version >= 7 { try coder.int32(&sessionID) }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var error: ErrorCode = .none
        package var highWatermark: Int64 = -1
        package var lastStableOffset: Int64 = -1
        package var logStartOffset: Int64 = -1
        package var abortedTransactions: [AbortedTransaction]?
        package var preferredReadReplica: Int32 = -1
        package var records: ByteBuffer?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.error(&error)
            try coder.int64(&highWatermark)
            if coder.version >= 4 { try coder.int64(&lastStableOffset) }
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            if coder.version >= 4 { try coder.nullableArray(&abortedTransactions) }
            if coder.version >= 11 { try coder.int32(&preferredReadReplica) }
            try coder.records(&records)
            try coder.tags()
        }
    }

    package struct AbortedTransaction: WireStruct {
        package var producerID: Int64 = 0
        package var firstOffset: Int64 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int64(&producerID)
            try coder.int64(&firstOffset)
            try coder.tags()
        }
    }
}
