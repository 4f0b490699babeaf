package struct OffsetForLeaderEpochRequest: WireStruct {
    package var replicaID: Int32 = -2
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.int32(&replicaID) }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var leaderEpoch: Int32 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            if coder.version >= 2 { try coder.int32(&currentLeaderEpoch) }
            try coder.int32(&leaderEpoch)
            try coder.tags()
        }
    }
}

package struct OffsetForLeaderEpochResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.throttleTime() }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var error: ErrorCode = .none
        package var index: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var endOffset: Int64 = -1

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.int32(&index)
            if coder.version >= 1 { try coder.int32(&leaderEpoch) }
            try coder.int64(&endOffset)
            try coder.tags()
        }
    }
}
