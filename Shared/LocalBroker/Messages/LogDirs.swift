package struct DescribeLogDirsRequest: WireStruct {
    /// Nil: all.
    package var topics: [TopicPartitions]?

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableArray(&topics)
        try coder.tags()
    }
}

package struct DescribeLogDirsResponse: WireStruct {
    package var error: ErrorCode = .none
    package var directories: [Directory] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        if coder.version >= 3 { try coder.error(&error) }
        try coder.array(&directories)
        try coder.tags()
    }

    package struct Directory: WireStruct {
        package var error: ErrorCode = .none
        package var path: String = ""
        package var topics: [TopicEntry<Partition>] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.string(&path)
            try coder.array(&topics)
            try coder.tags()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        /// In bytes.
        package var size: Int64 = 0
        package var offsetLag: Int64 = 0
        package var isFuture: Bool = false

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int64(&size)
            try coder.int64(&offsetLag)
            try coder.bool(&isFuture)
            try coder.tags()
        }
    }
}
