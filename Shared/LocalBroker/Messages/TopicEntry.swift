/// What a message says of one topic: its name, and something of each of several partitions.
package struct TopicEntry<Partition: WireStruct>: WireStruct {
    package var name: String = ""
    package var partitions: [Partition] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&name)
        try coder.array(&partitions)
        try coder.tags()
    }
}

/// Some partitions of one topic.
package struct TopicPartitions: WireStruct {
    package var name: String = ""
    package var partitions: [Int32] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&name)
        try coder.int32s(&partitions)
        try coder.tags()
    }
}

/// What became of a request for one partition.
package struct PartitionResult: WireStruct {
    package var index: Int32 = 0
    package var error: ErrorCode = .none

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&index)
        try coder.error(&error)
        try coder.tags()
    }
}
