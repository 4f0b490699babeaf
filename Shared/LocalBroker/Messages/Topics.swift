package struct CreateTopicsRequest: WireStruct {
    package var topics: [Topic] = []
    package var timeout: Int32 = 60000
    package var validateOnly: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.int32(&timeout)
        if coder.version >= 1 { try coder.bool(&validateOnly) }
        try coder.tags()
    }

    package struct Topic: WireStruct {
        package var name: String = ""
        package var partitionCount: Int32 = 0
        package var replicationFactor: Int16 = 0
        package var assignments: [Assignment] = []
        package var configs: [Config] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int32(&partitionCount)
            try coder.int16(&replicationFactor)
            try coder.array(&assignments)
            try coder.array(&configs)
            try coder.tags()
        }
    }

    package struct Assignment: WireStruct {
        package var partition: Int32 = 0
        package var brokers: [Int32] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partition)
            try coder.int32s(&brokers)
            try coder.tags()
        }
    }

    package struct Config: WireStruct {
        package var name: String = ""
        package var value: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.nullableString(&value)
            try coder.tags()
        }
    }
}

package struct CreateTopicsResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.throttleTime() }
        try coder.array(&topics)
        try coder.tags()
    }

    package struct Topic: WireStruct {
        package var name: String = ""
        package var error: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.error(&error)
            if coder.version >= 1 { try coder.nullableString(&errorMessage) }
            try coder.tags()
        }
    }
}

package struct DeleteTopicsRequest: WireStruct {
    package var names: [String] = []
    package var timeout: Int32 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.strings(&names)
        try coder.int32(&timeout)
        try coder.tags()
    }
}

package struct DeleteTopicsResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.array(&topics)
        try coder.tags()
    }

    package struct Topic: WireStruct {
        package var name: String = ""
        package var error: ErrorCode = .none

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.error(&error)
            try coder.tags()
        }
    }
}

package struct DeleteRecordsRequest: WireStruct {
    package var topics: [Topic] = []
    package var timeout: Int32 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.int32(&timeout)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var offset: Int64 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int64(&offset)
            try coder.tags()
        }
    }
}

package struct DeleteRecordsResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var lowWatermark: Int64 = -1
        package var error: ErrorCode = .none

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int64(&lowWatermark)
            try coder.error(&error)
            try coder.tags()
        }
    }
}
