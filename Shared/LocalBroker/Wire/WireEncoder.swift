package import NIOCore

/// Writes one frame as a list of buffers: record data is referenced, never copied, and the transport gathers the parts.
package struct WireEncoder: WireCoder {
    package let version: Int16
    let flexible: Bool
    private var parts: [ByteBuffer] = []
    private var current: ByteBuffer

    /// Below this size a copy is cheaper than one more element in the gathering write.
    private static let smallestReferencedPart = 4096

    package init(version: Int16, flexible: Bool, allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.version = version
        self.flexible = flexible
        self.current = allocator.buffer(capacity: 256)
    }

    /// The buffers of the frame, in order, without the leading length.
    package consuming func finish() -> [ByteBuffer] {
        if current.readableBytes > 0 { parts.append(current) }
        return parts
    }

    private mutating func unsignedVarint(_ value: Int) {
        var rest = UInt32(truncatingIfNeeded: value)
        while rest >= 0x80 {
            current.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        current.writeInteger(UInt8(rest))
    }

    private mutating func length(_ length: Int, short: Bool) {
        if flexible {
            unsignedVarint(length + 1)
        } else if short {
            current.writeInteger(Int16(clamping: length))
        } else {
            current.writeInteger(Int32(clamping: length))
        }
    }

    package mutating func bool(_ value: inout Bool) { current.writeInteger(value ? 1 : 0 as UInt8) }
    package mutating func int8(_ value: inout Int8) { current.writeInteger(value) }
    package mutating func int16(_ value: inout Int16) { current.writeInteger(value) }
    package mutating func int32(_ value: inout Int32) { current.writeInteger(value) }
    package mutating func int64(_ value: inout Int64) { current.writeInteger(value) }

    private mutating func write(_ value: String) {
        // Strings of this protocol are at most 32,767 bytes long; only an error message of ours could be longer.
        let bytes = value.utf8.count <= Int(Int16.max) ? value : String(value.prefix(8000))
        length(bytes.utf8.count, short: true)
        current.writeString(bytes)
    }

    package mutating func string(_ value: inout String) { write(value) }

    package mutating func nullableString(_ value: inout String?) {
        if let value { write(value) } else { length(-1, short: true) }
    }

    package mutating func bytes(_ value: inout ByteBuffer) {
        length(value.readableBytes, short: false)
        current.writeImmutableBuffer(value)
    }

    package mutating func records(_ value: inout ByteBuffer?) {
        guard let value else { return length(-1, short: false) }
        length(value.readableBytes, short: false)
        if value.readableBytes < Self.smallestReferencedPart {
            current.writeImmutableBuffer(value)
        } else {
            parts.append(current)
            parts.append(value)
            current = ByteBufferAllocator().buffer(capacity: 256)
        }
    }

    package mutating func int32s(_ value: inout [Int32]) {
        length(value.count, short: false)
        for element in value { current.writeInteger(element) }
    }

    package mutating func strings(_ value: inout [String]) {
        length(value.count, short: false)
        for element in value { write(element) }
    }

    package mutating func nullableStrings(_ value: inout [String]?) {
        guard let value else { return length(-1, short: false) }
        length(value.count, short: false)
        for element in value { write(element) }
    }

    package mutating func array<Element: WireStruct>(_ value: inout [Element]) throws(WireError) {
        length(value.count, short: false)
        for index in value.indices { try value[index].code(&self) }
    }

    package mutating func nullableArray<Element: WireStruct>(_ value: inout [Element]?) throws(WireError) {
        if var elements = value.take() {
            try array(&elements)
        } else {
            length(-1, short: false)
        }
    }

    package mutating func tags() {
        if flexible { unsignedVarint(0) }
    }
}
