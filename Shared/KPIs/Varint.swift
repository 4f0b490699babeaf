/// Numbers of stored records: LEB128 varints, signed ones zigzag-encoded.
enum Varint {
    @inline(__always)
    static func append(_ number: UInt64, to output: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    static func append(signed number: Int64, to output: inout [UInt8]) {
        append(UInt64(bitPattern: number << 1 ^ number >> 63), to: &output)
    }
}

/// A position in the bytes of a stored record. Reading beyond the end is an error that names the place.
struct RecordReader {
    /// What the record is, for errors.
    let name: String
    var position = 0

    init(_ name: String) {
        self.name = name
    }

    func malformed(_ reason: String) -> KPIError { .malformed(record: name, reason: reason, at: position) }

    @inline(__always)
    mutating func byte(_ bytes: RawSpan) throws(KPIError) -> UInt8 {
        guard position < bytes.byteCount else { throw malformed("it ends early") }
        defer { position += 1 }
        return unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
    }

    @inline(__always)
    mutating func unsigned(_ bytes: RawSpan) throws(KPIError) -> UInt64 {
        var byte = try byte(bytes)
        if byte < 0x80 { return UInt64(byte) }
        var value = UInt64(byte & 0x7F)
        var shift: UInt64 = 7
        repeat {
            byte = try self.byte(bytes)
            guard shift < 63 || byte <= 1 else { throw malformed("a number of more than 64 bits") }
            value |= UInt64(byte & 0x7F) << shift
            shift += 7
        } while byte >= 0x80
        return value
    }

    @inline(__always)
    mutating func signed(_ bytes: RawSpan) throws(KPIError) -> Int64 {
        let value = try unsigned(bytes)
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// An unsigned number that fits a narrower type.
    @inline(__always)
    mutating func narrow<Number: FixedWidthInteger>(
        _ bytes: RawSpan, as type: Number.Type
    ) throws(KPIError) -> Number {
        guard let value = Number(exactly: try unsigned(bytes)) else { throw malformed("a number out of range") }
        return value
    }
}
