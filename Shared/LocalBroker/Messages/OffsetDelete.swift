package struct OffsetDeleteRequest: WireStruct {
    package var groupID: String = ""
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicPartitions
}

package struct OffsetDeleteResponse: WireStruct {
    package var error: ErrorCode = .none
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.error(&error)
        try coder.throttleTime()
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package typealias Partition = PartitionResult
}
