package struct OffsetCommitRequest: WireStruct {
    package var groupID: String = ""
    package var generationID: Int32 = -1
    package var memberID: String = ""
    package var groupInstanceID: String?
    package var retentionTime: Int64 = -1
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        if coder.version >= 1 { try coder.int32(&generationID) }
        if coder.version >= 1 { try coder.string(&memberID) }
        if coder.version >= 7 { try coder.nullableString(&groupInstanceID) }
        if (2...4).contains(coder.version) { try coder.int64(&retentionTime) }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var committedOffset: Int64 = 0
        package var committedLeaderEpoch: Int32 = -1
        package var metadata: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int64(&committedOffset)
            if coder.version >= 6 { try coder.int32(&committedLeaderEpoch) }
            try coder.nullableString(&metadata)
            try coder.tags()
        }
    }
}

package struct OffsetCommitResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.throttleTime() }
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package typealias Partition = PartitionResult
}

package struct OffsetFetchRequest: WireStruct {
    package var groupID: String = ""
    package var topics: [Topic]?
    package var requireStable: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.nullableArray(&topics)
        if coder.version >= 7 { try coder.bool(&requireStable) }
        try coder.tags()
    }

    package typealias Topic = TopicPartitions
}

package struct OffsetFetchResponse: WireStruct {
    package var topics: [Topic] = []
    package var error: ErrorCode = .none

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.throttleTime() }
        try coder.array(&topics)
        if coder.version >= 2 { try coder.error(&error) }
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var committedOffset: Int64 = -1
        package var committedLeaderEpoch: Int32 = -1
        package var metadata: String?
        package var error: ErrorCode = .none

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int64(&committedOffset)
            if coder.version >= 5 { try coder.int32(&committedLeaderEpoch) }
            try coder.nullableString(&metadata)
            try coder.error(&error)
            try coder.tags()
        }
    }
}
