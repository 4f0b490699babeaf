// What operators ask to find transactions that hang (KIP-664).

package struct DescribeProducersRequest: WireStruct {
    package var topics: [Topic] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.tags()
    }

    package typealias Topic = TopicPartitions
}

package struct DescribeProducersResponse: WireStruct {
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
        package var error: ErrorCode = .none
        package var errorMessage: String?
        package var producers: [Producer] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.error(&error)
            try coder.nullableString(&errorMessage)
            try coder.array(&producers)
            try coder.tags()
        }
    }

    package struct Producer: WireStruct {
        package var producerID: Int64 = -1
        package var producerEpoch: Int32 = -1
        package var lastSequence: Int32 = -1
        package var lastTimestamp: Int64 = -1
        package var coordinatorEpoch: Int32 = -1
        package var transactionStartOffset: Int64 = -1

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int64(&producerID)
            try coder.int32(&producerEpoch)
            try coder.int32(&lastSequence)
            try coder.int64(&lastTimestamp)
            try coder.int32(&coordinatorEpoch)
            try coder.int64(&transactionStartOffset)
            try coder.tags()
        }
    }
}

package struct DescribeTransactionsRequest: WireStruct {
    package var transactionalIDs: [String] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.strings(&transactionalIDs)
        try coder.tags()
    }
}

package struct DescribeTransactionsResponse: WireStruct {
    package var transactions: [Transaction] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&transactions)
        try coder.tags()
    }

    package struct Transaction: WireStruct {
        package var error: ErrorCode = .none
        package var transactionalID: String = ""
        package var state: String = ""
        package var timeout: Int32 = 0
        package var startTime: Int64 = -1
        package var producerID: Int64 = -1
        package var producerEpoch: Int16 = -1
        package var topics: [Topic] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.string(&transactionalID)
            try coder.string(&state)
            try coder.int32(&timeout)
            try coder.int64(&startTime)
            try coder.int64(&producerID)
            try coder.int16(&producerEpoch)
            try coder.array(&topics)
            try coder.tags()
        }
    }

    package typealias Topic = TopicPartitions
}

package struct ListTransactionsRequest: WireStruct {
    package var states: [String] = []
    package var producerIDs: [ProducerID] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.strings(&states)
        try coder.array(&producerIDs)
        try coder.tags()
    }

    package struct ProducerID: WireStruct {
        package var value: Int64 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int64(&value)
        }
    }
}

package struct ListTransactionsResponse: WireStruct {
    package var error: ErrorCode = .none
    package var unknownStates: [String] = []
    package var transactions: [Transaction] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.error(&error)
        try coder.strings(&unknownStates)
        try coder.array(&transactions)
        try coder.tags()
    }

    package struct Transaction: WireStruct {
        package var transactionalID: String = ""
        package var producerID: Int64 = -1
        package var state: String = ""

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&transactionalID)
            try coder.int64(&producerID)
            try coder.string(&state)
            try coder.tags()
        }
    }
}
