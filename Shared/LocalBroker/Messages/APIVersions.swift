package struct APIVersionsRequest: WireStruct {
    package var clientSoftwareName: String = ""
    package var clientSoftwareVersion: String = ""

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.string(&clientSoftwareName) }
        if coder.version >= 3 { try coder.string(&clientSoftwareVersion) }
        try coder.tags()
    }
}

package struct APIVersionsResponse: WireStruct {
    package var error: ErrorCode = .none
    package var apis: [API] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.error(&error)
        try coder.array(&apis)
        if coder.version >= 1 { try coder.throttleTime() }
        try coder.tags()
    }

    package struct API: WireStruct {
        package var key: Int16 = 0
        package var minimum: Int16 = 0
        package var maximum: Int16 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&key)
            try coder.int16(&minimum)
            try coder.int16(&maximum)
            try coder.tags()
        }
    }
}
