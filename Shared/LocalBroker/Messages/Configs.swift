package struct DescribeConfigsRequest: WireStruct {
    package var resources: [Resource] = []
    package var includeSynonyms: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&resources)
        if coder.version >= 1 { try coder.bool(&includeSynonyms) }
        try coder.tags()
    }

    package struct Resource: WireStruct {
        package var type: Int8 = 0
        package var name: String = ""
        package var keys: [String]?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&type)
            try coder.string(&name)
            try coder.nullableStrings(&keys)
            try coder.tags()
        }
    }
}

package struct DescribeConfigsResponse: WireStruct {
    package var results: [Result] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&results)
        try coder.tags()
    }

    package struct Result: WireStruct {
        package var error: ErrorCode = .none
        package var errorMessage: String?
        package var type: Int8 = 0
        package var name: String = ""
        package var configs: [Config] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.nullableString(&errorMessage)
            try coder.int8(&type)
            try coder.string(&name)
            try coder.array(&configs)
            try coder.tags()
        }
    }

    package struct Config: WireStruct {
        package var name: String = ""
        package var value: String?
        package var isReadOnly: Bool = false
        package var source: Int8 = 0
        package var isSensitive: Bool = false
        package var synonyms: [Synonym] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.nullableString(&value)
            try coder.bool(&isReadOnly)
            if coder.version >= 1 { try coder.int8(&source) }
            try coder.bool(&isSensitive)
            if coder.version >= 1 { try coder.array(&synonyms) }
            try coder.tags()
        }
    }

    package struct Synonym: WireStruct {
        package var name: String = ""
        package var value: String?
        package var source: Int8 = 0

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.nullableString(&value)
            try coder.int8(&source)
            try coder.tags()
        }
    }
}

package struct AlterConfigsRequest: WireStruct {
    package var resources: [Resource] = []
    package var validateOnly: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&resources)
        try coder.bool(&validateOnly)
        try coder.tags()
    }

    package struct Resource: WireStruct {
        package var type: Int8 = 0
        package var name: String = ""
        package var configs: [Config] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&type)
            try coder.string(&name)
            try coder.array(&configs)
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

package struct AlterConfigsResponse: WireStruct {
    package var results: [Result] = []

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.throttleTime()
        try coder.array(&results)
        try coder.tags()
    }

    package struct Result: WireStruct {
        package var error: ErrorCode = .none
        package var errorMessage: String?
        package var type: Int8 = 0
        package var name: String = ""

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.error(&error)
            try coder.nullableString(&errorMessage)
            try coder.int8(&type)
            try coder.string(&name)
            try coder.tags()
        }
    }
}

package struct IncrementalAlterConfigsRequest: WireStruct {
    package var resources: [Resource] = []
    package var validateOnly: Bool = false

    package init() {}

    package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&resources)
        try coder.bool(&validateOnly)
        try coder.tags()
    }

    package struct Resource: WireStruct {
        package var type: Int8 = 0
        package var name: String = ""
        package var configs: [Config] = []

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&type)
            try coder.string(&name)
            try coder.array(&configs)
            try coder.tags()
        }
    }

    package struct Config: WireStruct {
        package var name: String = ""
        package var operation: Int8 = 0
        package var value: String?

        package init() {}

        package mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int8(&operation)
            try coder.nullableString(&value)
            try coder.tags()
        }
    }
}
