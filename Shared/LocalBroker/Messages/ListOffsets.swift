package struct ListOffsetsRequest: WireStruct {
    package var replicaID: Int32 = -1
    package var isolationLevel: Int8 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&replicaID)
        if coder.version >= 2 { try coder.int8(&isolationLevel) }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var timestamp: Int64 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            if coder.version >= 4 { try coder.int32(&currentLeaderEpoch) }
            try coder.int64(&timestamp)
            try coder.tags()
        }
    }
}

package struct ListOffsetsResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.throttleTime() }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var error: ErrorCode = .none
        package var timestamp: Int64 = -1
        package var offset: Int64 = -1
        package var leaderEpoch: Int32 = -1

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.error(&error)
            try coder.int64(&timestamp)
            try coder.int64(&offset)
            if coder.version >= 4 { try coder.int32(&leaderEpoch) }
            try coder.tags()
        }
    }
}
