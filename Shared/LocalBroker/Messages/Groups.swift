package import NIOCore

package struct FindCoordinatorRequest: WireStruct {
    package var key: String = ""
    package var keyType: Int8 = 0

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&key)
        if coder.version >= 1 { try coder.int8(&keyType) }
        try coder.tags()
    }
}

package struct FindCoordinatorResponse: WireStruct {
    package var error: ErrorCode = .none
    package var errorMessage: String?
    package var nodeID: Int32 = -1
    package var host: String = ""
    package var port: Int32 = -1

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.error(&error)
        if coder.version >= 1 { try coder.nullableString(&errorMessage) }
        try coder.int32(&nodeID)
        try coder.string(&host)
        try coder.int32(&port)
        try coder.tags()
    }
}

package struct JoinGroupRequest: WireStruct {
    package var groupID: String = ""
    package var sessionTimeout: Int32 = 0
    package var rebalanceTimeout: Int32 = -1
    package var memberID: String = ""
    package var groupInstanceID: String?
    package var protocolType: String = ""
    package var protocols: [GroupProtocol] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.int32(&sessionTimeout)
        if coder.version >= 1 { try coder.int32(&rebalanceTimeout) }
        try coder.string(&memberID)
        if coder.version >= 5 { try coder.nullableString(&groupInstanceID) }
        try coder.string(&protocolType)
        try coder.array(&protocols)
        try coder.tags()
    }

    package struct GroupProtocol: WireStruct {
        package var name: String = ""
        package var metadata: ByteBuffer = ByteBuffer()

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.bytes(&metadata)
            try coder.tags()
        }
    }
}

package struct JoinGroupResponse: WireStruct {
    package var error: ErrorCode = .none
    package var generationID: Int32 = -1
    package var protocolName: String = ""
    package var leader: String = ""
    package var memberID: String = ""
    package var members: [Member] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.throttleTime() }
        try coder.error(&error)
        try coder.int32(&generationID)
        try coder.string(&protocolName)
        try coder.string(&leader)
        try coder.string(&memberID)
        try coder.array(&members)
        try coder.tags()
    }

    package struct Member: WireStruct {
        package var memberID: String = ""
        package var groupInstanceID: String?
        package var metadata: ByteBuffer = ByteBuffer()

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberID)
            if coder.version >= 5 { try coder.nullableString(&groupInstanceID) }
            try coder.bytes(&metadata)
            try coder.tags()
        }
    }
}

package struct SyncGroupRequest: WireStruct {
    package var groupID: String = ""
    package var generationID: Int32 = 0
    package var memberID: String = ""
    package var groupInstanceID: String?
    package var assignments: [Assignment] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.int32(&generationID)
        try coder.string(&memberID)
        if coder.version >= 3 { try coder.nullableString(&groupInstanceID) }
        try coder.array(&assignments)
        try coder.tags()
    }

    package struct Assignment: WireStruct {
        package var memberID: String = ""
        package var assignment: ByteBuffer = ByteBuffer()

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberID)
            try coder.bytes(&assignment)
            try coder.tags()
        }
    }
}

package struct SyncGroupResponse: WireStruct {
    package var error: ErrorCode = .none
    package var assignment: ByteBuffer = ByteBuffer()

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.error(&error)
        try coder.bytes(&assignment)
        try coder.tags()
    }
}

package struct HeartbeatRequest: WireStruct {
    package var groupID: String = ""
    package var generationID: Int32 = 0
    package var memberID: String = ""
    package var groupInstanceID: String?

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        try coder.int32(&generationID)
        try coder.string(&memberID)
        if coder.version >= 3 { try coder.nullableString(&groupInstanceID) }
        try coder.tags()
    }
}

package struct HeartbeatResponse: WireStruct {
    package var error: ErrorCode = .none

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.error(&error)
        try coder.tags()
    }
}

package struct LeaveGroupRequest: WireStruct {
    package var groupID: String = ""
    package var memberID: String = ""
    package var members: [Member] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupID)
        if coder.version <= 2 { try coder.string(&memberID) }
        if coder.version >= 3 { try coder.array(&members) }
        try coder.tags()
    }

    package struct Member: WireStruct {
        package var memberID: String = ""
        package var groupInstanceID: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberID)
            try coder.nullableString(&groupInstanceID)
            try coder.tags()
        }
    }
}

package struct LeaveGroupResponse: WireStruct {
    package var error: ErrorCode = .none
    package var members: [Member] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.error(&error)
        if coder.version >= 3 { try coder.array(&members) }
        try coder.tags()
    }

    package struct Member: WireStruct {
        package var memberID: String = ""
        package var groupInstanceID: String?
        package var error: ErrorCode = .none

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberID)
            try coder.nullableString(&groupInstanceID)
            try coder.error(&error)
            try coder.tags()
        }
    }
}
