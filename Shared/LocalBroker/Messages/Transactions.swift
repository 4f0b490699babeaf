package struct InitProducerIDRequest: WireStruct {
    package var transactionalID: String?
    package var transactionTimeout: Int32 = 0
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableString(&transactionalID)
        try coder.int32(&transactionTimeout)
        if coder.version >= 3 { try coder.int64(&producerID) }
        if coder.version >= 3 { try coder.int16(&producerEpoch) }
        try coder.tags()
    }
}

package struct InitProducerIDResponse: WireStruct {
    package var error: ErrorCode = .none
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.error(&error)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        try coder.tags()
    }
}

package struct AddPartitionsToTxnRequest: WireStruct {
    package var transactionalID: String = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicPartitions
}

package struct AddPartitionsToTxnResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package typealias Partition = PartitionResult
}

package struct AddOffsetsToTxnRequest: WireStruct {
    package var transactionalID: String = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var groupID: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        try coder.string(&groupID)
        try coder.tags()
    }
}

package struct AddOffsetsToTxnResponse: WireStruct {
    package var error: ErrorCode = .none

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.error(&error)
        try coder.tags()
    }
}

package struct TxnOffsetCommitRequest: WireStruct {
    package var transactionalID: String = ""
    package var groupID: String = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var generationID: Int32 = -1
    package var memberID: String = ""
    package var groupInstanceID: String?
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.string(&groupID)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        if coder.version >= 3 { try coder.int32(&generationID) }
        if coder.version >= 3 { try coder.string(&memberID) }
        if coder.version >= 3 { try coder.nullableString(&groupInstanceID) }
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
            if coder.version >= 2 { try coder.int32(&committedLeaderEpoch) }
            try coder.nullableString(&metadata)
            try coder.tags()
        }
    }
}

package struct TxnOffsetCommitResponse: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicEntry<Partition>

    package typealias Partition = PartitionResult
}

package struct EndTxnRequest: WireStruct {
    package var transactionalID: String = ""
    package var producerID: Int64 = 0
    package var producerEpoch: Int16 = 0
    package var isCommit: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        try coder.bool(&isCommit)
        try coder.tags()
    }
}

package struct EndTxnResponse: WireStruct {
    package var error: ErrorCode = .none

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.error(&error)
        try coder.tags()
    }
}
