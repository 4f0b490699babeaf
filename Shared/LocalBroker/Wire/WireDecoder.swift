package import NIOCore

/// Reads one frame. Every length and count is checked against what is left of the frame before anything is allocated, and
/// the number of array elements in one frame is limited, so that a small hostile frame cannot become a large allocation.
package struct WireDecoder: WireCoder {
    package let version: Int16
    let flexible: Bool
    private(set) var buffer: ByteBuffer
    private var elementBudget: Int

    /// Enough for the largest request of a real client (a fetch of 100,000 partitions), and a bound of some 100 MB for the
    /// structs that a frame can decode into.
    static let maximumElements = 1_000_000

    package init(_ buffer: ByteBuffer, version: Int16, flexible: Bool) {
        self.buffer = buffer
        self.version = version
        self.flexible = flexible
        self.elementBudget = Self.maximumElements
    }

    package var remaining: Int { buffer.readableBytes }

    private mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(WireError) -> Value {
        guard let value = buffer.readInteger(as: type) else { throw .truncated }
        return value
    }

    private mutating func unsignedVarint() throws(WireError) -> Int {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            let byte = try integer(UInt8.self)
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 {
                guard result <= UInt64(UInt32.max) else { throw .malformedVarint }
                return Int(result)
            }
        }
        throw .malformedVarint
    }

    /// The length of a string, byte string or array; -1 is null.
    private mutating func length(short: Bool) throws(WireError) -> Int {
        let length: Int
        if flexible {
            length = try unsignedVarint() - 1
        } else if short {
            length = Int(try integer(Int16.self))
        } else {
            length = Int(try integer(Int32.self))
        }
        guard length >= -1 else { throw .negativeLength(length) }
        guard length <= buffer.readableBytes else { throw .lengthExceedsFrame(length) }
        return length
    }

    private mutating func slice(_ length: Int) throws(WireError) -> ByteBuffer {
        guard let slice = buffer.readSlice(length: length) else { throw .truncated }
        return slice
    }

    private mutating func count() throws(WireError) -> Int {
        let count = try length(short: false)
        guard count <= elementBudget else { throw .tooManyElements(count) }
        elementBudget -= max(count, 0)
        return count
    }

    package mutating func bool(_ value: inout Bool) throws(WireError) { value = try integer(UInt8.self) != 0 }
    package mutating func int8(_ value: inout Int8) throws(WireError) { value = try integer(Int8.self) }
    package mutating func int16(_ value: inout Int16) throws(WireError) { value = try integer(Int16.self) }
    package mutating func int32(_ value: inout Int32) throws(WireError) { value = try integer(Int32.self) }
    package mutating func int64(_ value: inout Int64) throws(WireError) { value = try integer(Int64.self) }

    package mutating func string(_ value: inout String) throws(WireError) {
        var optional: String?
        try nullableString(&optional)
        guard let optional else { throw .negativeLength(-1) }
        value = optional
    }

    package mutating func nullableString(_ value: inout String?) throws(WireError) {
        let length = try length(short: true)
        guard length >= 0 else {
            value = nil
            return
        }
        let bytes = try slice(length)
        guard let string = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .notUTF8 }
        value = string
    }

    package mutating func bytes(_ value: inout ByteBuffer) throws(WireError) {
        let length = try length(short: false)
        guard length >= 0 else { throw .negativeLength(length) }
        value = try slice(length)
    }

    package mutating func records(_ value: inout ByteBuffer?) throws(WireError) {
        let length = try length(short: false)
        value = length < 0 ? nil : try slice(length)
    }

    package mutating func int32s(_ value: inout [Int32]) throws(WireError) {
        let count = max(try count(), 0)
        guard count * 4 <= buffer.readableBytes else { throw .truncated }
        value = []
        value.reserveCapacity(count)
        for _ in 0..<count { value.append(try integer(Int32.self)) }
    }

    package mutating func strings(_ value: inout [String]) throws(WireError) {
        var optional: [String]?
        try nullableStrings(&optional)
        value = optional ?? []
    }

    package mutating func nullableStrings(_ value: inout [String]?) throws(WireError) {
        let count = try count()
        guard count >= 0 else {
            value = nil
            return
        }
        var strings: [String] = []
        for _ in 0..<count {
            var string = ""
            try self.string(&string)
            strings.append(string)
        }
        value = strings
    }

    package mutating func array<Element: WireStruct>(_ value: inout [Element]) throws(WireError) {
        var optional: [Element]?
        try nullableArray(&optional)
        value = optional ?? []
    }

    package mutating func nullableArray<Element: WireStruct>(_ value: inout [Element]?) throws(WireError) {
        let count = try count()
        guard count >= 0 else {
            value = nil
            return
        }
        var elements: [Element] = []
        for _ in 0..<count {
            var element = Element()
            try element.code(&self)
            elements.append(element)
        }
        value = elements
    }

    package mutating func tags() throws(WireError) {
        guard flexible else { return }
        let count = try unsignedVarint()
        guard count <= buffer.readableBytes else { throw .lengthExceedsFrame(count) }
        for _ in 0..<count {
            _ = try unsignedVarint()
            let size = try unsignedVarint()
            guard size <= buffer.readableBytes else { throw .lengthExceedsFrame(size) }
            buffer.moveReaderIndex(forwardBy: size)
        }
    }
}

extension WireDecoder {
    mutating func message<Message: WireStruct>() throws(WireError) -> Message {
        var message = Message()
        try message.code(&self)
        return message
    }
}
