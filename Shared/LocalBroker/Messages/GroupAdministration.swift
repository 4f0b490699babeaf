package import NIOCore

package struct DescribeGroupsRequest: WireStruct {
    package var groups: [String] = []
    package var includeAuthorizedOperations: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.strings(&groups)
        if coder.version >= 3 { try coder.bool(&includeAuthorizedOperations) }
        try coder.tags()
    }
}

package struct DescribeGroupsResponse: WireStruct {
    package var groups: [Group] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.array(&groups)
        try coder.tags()
    }

    package struct Group: WireStruct {
        package var error: ErrorCode = .none
        package var groupID: String = ""
        package var state: String = ""
        package var protocolType: String = ""
        package var protocolData: String = ""
        package var members: [Member] = []
        package var authorizedOperations: Int32 = .min

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.string(&groupID)
            try coder.string(&state)
            try coder.string(&protocolType)
            try coder.string(&protocolData)
            try coder.array(&members)
            if coder.version >= 3 { try coder.int32(&authorizedOperations) }
            try coder.tags()
        }
    }

    package struct Member: WireStruct {
        package var memberID: String = ""
        package var groupInstanceID: String?
        package var clientID: String = ""
        package var clientHost: String = ""
        package var metadata: ByteBuffer = ByteBuffer()
        package var assignment: ByteBuffer = ByteBuffer()

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberID)
            if coder.version >= 4 { try coder.nullableString(&groupInstanceID) }
            try coder.string(&clientID)
            try coder.string(&clientHost)
            try coder.bytes(&metadata)
            try coder.bytes(&assignment)
            try coder.tags()
        }
    }
}

package struct ListGroupsRequest: WireStruct {
    package var statesFilter: [String] = []
    package var typesFilter: [String] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 4 { try coder.strings(&statesFilter) }
        if coder.version >= 5 { try coder.strings(&typesFilter) }
        try coder.tags()
    }
}

package struct ListGroupsResponse: WireStruct {
    package var error: ErrorCode = .none
    package var groups: [Group] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.error(&error)
        try coder.array(&groups)
        try coder.tags()
    }

    package struct Group: WireStruct {
        package var groupID: String = ""
        package var protocolType: String = ""
        package var state: String = ""
        package var type: String = ""

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupID)
            try coder.string(&protocolType)
            if coder.version >= 4 { try coder.string(&state) }
            if coder.version >= 5 { try coder.string(&type) }
            try coder.tags()
        }
    }
}

package struct DeleteGroupsRequest: WireStruct {
    package var groups: [String] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.strings(&groups)
        try coder.tags()
    }
}

package struct DeleteGroupsResponse: WireStruct {
    package var results: [Result] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&results)
        try coder.tags()
    }

    package struct Result: WireStruct {
        package var groupID: String = ""
        package var error: ErrorCode = .none

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupID)
            try coder.error(&error)
            try coder.tags()
        }
    }
}
