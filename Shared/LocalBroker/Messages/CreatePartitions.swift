package struct CreatePartitionsRequest: WireStruct {
    package var topics: [Topic] = []
    package var timeout: Int32 = 0
    package var validateOnly: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.int32(&timeout)
        try coder.bool(&validateOnly)
        try coder.tags()
    }

    package struct Topic: WireStruct {
        package var name: String = ""
        package var count: Int32 = 0
        package var assignments: [Assignment]?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int32(&count)
            try coder.nullableArray(&assignments)
            try coder.tags()
        }
    }

    package struct Assignment: WireStruct {
        package var brokers: [Int32] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32s(&brokers)
            try coder.tags()
        }
    }
}

package struct CreatePartitionsResponse: WireStruct {
    package var results: [Result] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&results)
        try coder.tags()
    }

    package struct Result: WireStruct {
        package var name: String = ""
        package var error: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.error(&error)
            try coder.nullableString(&errorMessage)
            try coder.tags()
        }
    }
}
