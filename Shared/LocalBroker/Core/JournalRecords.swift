package struct ClusterRecord: WireStruct {
    package var clusterID: String = ""
    package var nextTopicID: Int64 = 1

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&clusterID)
        try coder.int64(&nextTopicID)
        try coder.tags()
    }
}

package struct ProducerIDsRecord: WireStruct {
    package var next: Int64 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&next)
        try coder.tags()
    }
}

package struct TopicRecord: WireStruct {
    package var topicID: Int64 = 0
    package var name: String = ""
    package var partitionCount: Int32 = 0
    package var configs: [Config] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&topicID)
        try coder.string(&name)
        try coder.int32(&partitionCount)
        try coder.array(&configs)
        try coder.tags()
    }

    package struct Config: WireStruct {
        package var name: String = ""
        package var value: String = ""

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.string(&value)
            try coder.tags()
        }
    }
}

package struct TopicDeletedRecord: WireStruct {
    package var topicID: Int64 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&topicID)
        try coder.tags()
    }
}

package struct StartOffsetRecord: WireStruct {
    package var topicID: Int64 = 0
    package var partition: Int32 = 0
    package var offset: Int64 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&topicID)
        try coder.int32(&partition)
        try coder.int64(&offset)
        try coder.tags()
    }
}

package struct GroupRecord: WireStruct {
    package var groupID: String = ""
    package var generationID: Int32 = 0
    package var protocolType: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.int32(&generationID)
        try coder.string(&protocolType)
        try coder.tags()
    }
}

package struct GroupDeletedRecord: WireStruct {
    package var groupID: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.tags()
    }
}

package struct CommittedOffset: WireStruct {
    package var topic: String = ""
    package var partition: Int32 = 0
    package var offset: Int64 = 0
    package var leaderEpoch: Int32 = -1
    package var metadata: String = ""
    package var committed: Int64 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&topic)
        try coder.int32(&partition)
        try coder.int64(&offset)
        try coder.int32(&leaderEpoch)
        try coder.string(&metadata)
        try coder.int64(&committed)
        try coder.tags()
    }
}

package struct OffsetsRecord: WireStruct {
    package var groupID: String = ""
    package var offsets: [CommittedOffset] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.array(&offsets)
        try coder.tags()
    }
}

package struct TransactionRecord: WireStruct {
    package var transactionalID: String = ""
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1
    package var lastProducerEpoch: Int16 = -1
    package var timeout: Int32 = 0
    package var state: Int8 = 0
    package var partitions: [Partition] = []
    package var groups: [String] = []
    package var updated: Int64 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.int64(&producerID)
        try coder.int16(&producerEpoch)
        try coder.int16(&lastProducerEpoch)
        try coder.int32(&timeout)
        try coder.int8(&state)
        try coder.array(&partitions)
        try coder.strings(&groups)
        try coder.int64(&updated)
        try coder.tags()
    }

    package struct Partition: WireStruct {
        package var topic: String = ""
        package var partition: Int32 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&topic)
            try coder.int32(&partition)
            try coder.tags()
        }
    }
}

package struct TransactionOffsetsRecord: WireStruct {
    package var transactionalID: String = ""
    package var groupID: String = ""
    package var offsets: [CommittedOffset] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.string(&groupID)
        try coder.array(&offsets)
        try coder.tags()
    }
}

package struct TransactionDeletedRecord: WireStruct {
    package var transactionalID: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalID)
        try coder.tags()
    }
}

package struct OffsetsDeletedRecord: WireStruct {
    package var groupID: String = ""
    package var partitions: [Partition] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.array(&partitions)
        try coder.tags()
    }

    package struct Partition: WireStruct {
        package var topic: String = ""
        package var partition: Int32 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&topic)
            try coder.int32(&partition)
            try coder.tags()
        }
    }
}
