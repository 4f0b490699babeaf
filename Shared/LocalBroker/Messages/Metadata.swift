package struct MetadataRequest: WireStruct {
    package var topics: [Topic]?
    package var allowAutoTopicCreation: Bool = true
    package var includeClusterAuthorizedOperations: Bool = false
    package var includeTopicAuthorizedOperations: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableArray(&topics)
        if coder.version >= 4 { try coder.bool(&allowAutoTopicCreation) }
        if coder.version >= 8 { try coder.bool(&includeClusterAuthorizedOperations) }
        if coder.version >= 8 { try coder.bool(&includeTopicAuthorizedOperations) }
        try coder.tags()
    }

    package struct Topic: WireStruct {
        package var name: String = ""

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.tags()
        }
    }
}

package struct MetadataResponse: WireStruct {
    package var brokers: [Broker] = []
    package var clusterID: String?
    package var controllerID: Int32 = -1
    package var topics: [Topic] = []
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.throttleTime() }
        try coder.array(&brokers)
        if coder.version >= 2 { try coder.nullableString(&clusterID) }
        if coder.version >= 1 { try coder.int32(&controllerID) }
        try coder.array(&topics)
        if coder.version >= 8 { try coder.int32(&clusterAuthorizedOperations) }
        try coder.tags()
    }

    package struct Broker: WireStruct {
        package var nodeID: Int32 = 0
        package var host: String = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&nodeID)
            try coder.string(&host)
            try coder.int32(&port)
            if coder.version >= 1 { try coder.nullableString(&rack) }
            try coder.tags()
        }
    }

    package struct Topic: WireStruct {
        package var error: ErrorCode = .none
        package var name: String = ""
        package var isInternal: Bool = false
        package var partitions: [Partition] = []
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.string(&name)
            if coder.version >= 1 { try coder.bool(&isInternal) }
            try coder.array(&partitions)
            if coder.version >= 8 { try coder.int32(&authorizedOperations) }
            try coder.tags()
        }
    }

    package struct Partition: WireStruct {
        package var error: ErrorCode = .none
        package var index: Int32 = 0
        package var leaderID: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var replicas: [Int32] = []
        package var inSyncReplicas: [Int32] = []
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.int32(&index)
            try coder.int32(&leaderID)
            if coder.version >= 7 { try coder.int32(&leaderEpoch) }
            try coder.int32s(&replicas)
            try coder.int32s(&inSyncReplicas)
            if coder.version >= 5 { try coder.int32s(&offlineReplicas) }
            try coder.tags()
        }
    }
}
