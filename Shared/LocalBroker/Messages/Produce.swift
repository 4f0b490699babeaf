package import NIOCore

package struct ProduceRequest: WireStruct {
    package var transactionalID: String?
    package var acks: Int16 = -1
    package var timeout: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.nullableString(&transactionalID) }
        try coder.int16(&acks)
        try coder.int32(&timeout)
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var records: ByteBuffer?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.records(&records)
            try coder.tags()
        }
    }
}

package struct ProduceResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var error: ErrorCode = .none
        package var baseOffset: Int64 = -1
        package var logAppendTime: Int64 = -1
        package var logStartOffset: Int64 = -1
        package var recordErrors: [RecordError] = []
        package var errorMessage: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.error(&error)
            try coder.int64(&baseOffset)
            if coder.version >= 2 { try coder.int64(&logAppendTime) }
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            if coder.version >= 8 { try coder.array(&recordErrors) }
            if coder.version >= 8 { try coder.nullableString(&errorMessage) }
            try coder.tags()
        }
    }

    package struct RecordError: WireStruct {
        package var index: Int32 = 0
        package var message: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.nullableString(&message)
            try coder.tags()
        }
    }
}
