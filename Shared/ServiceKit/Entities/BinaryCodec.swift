package import Streams

/// Appends the little building blocks of changelog records to a byte buffer.
extension [UInt8] {
    package mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Zigzag, so that small negative numbers stay short.
    package mutating func appendSignedVarint(_ value: Int64) {
        appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    package mutating func appendFixed64(_ value: UInt64) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func appendFixed32(_ value: UInt32) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func append(_ span: borrowing RawSpan) {
        unsafe span.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }

    package mutating func appendBytes(_ bytes: some Collection<UInt8>) {
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}

/// A few small building blocks, put together in place and appended at once: an append costs more than the bytes that it appends.
/// At most 40 bytes.
struct ShortBytes {
    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    private var count = 0

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        bytes[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    mutating func appendSignedVarint(_ value: Int64) {
        appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    @inline(__always)
    mutating func appendFixed64(_ value: UInt64) {
        for shift: UInt64 in 0..<8 { append(UInt8(truncatingIfNeeded: value >> (shift * 8))) }
    }

    @inline(__always)
    mutating func appendFixed32(_ value: UInt32) {
        for shift: UInt32 in 0..<4 { append(UInt8(truncatingIfNeeded: value >> (shift * 8))) }
    }

    /// Appends what there is to `target`.
    @inline(__always)
    func append(to target: inout [UInt8]) {
        let span = bytes.span
        unsafe target.append(span.bytes.extracting(0..<count))
    }
}

/// Reads what the extensions above have written. Every read is checked: a record that ends early or runs over is an
/// ``InternalRecordError``, never a trap.
package struct BinaryReader {
    private let record: [UInt8]
    package private(set) var position: Int

    package init(_ bytes: [UInt8], at position: Int = 0) {
        record = bytes
        self.position = position
    }

    package var isAtEnd: Bool { position >= record.count }
    var remaining: Int { record.count - position }

    package mutating func byte() throws(InternalRecordError) -> UInt8 {
        guard position < record.count else { throw .endsEarly }
        defer { position += 1 }
        return record[position]
    }

    package mutating func varint() throws(InternalRecordError) -> UInt64 {
        var reader = SpanReader(position: position)
        defer { position = reader.position }
        return try unsafe reader.varint(record.span.bytes)
    }

    package mutating func signedVarint() throws(InternalRecordError) -> Int64 {
        var reader = SpanReader(position: position)
        defer { position = reader.position }
        return try unsafe reader.signedVarint(record.span.bytes)
    }

    mutating func fixed32() throws(InternalRecordError) -> UInt32 {
        guard remaining >= 4 else { throw .endsEarly }
        defer { position += 4 }
        let value = unsafe record.span.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt32.self)
        return UInt32(littleEndian: value)
    }

    package mutating func fixed64() throws(InternalRecordError) -> UInt64 {
        guard remaining >= 8 else { throw .endsEarly }
        defer { position += 8 }
        let value = unsafe record.span.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self)
        return UInt64(littleEndian: value)
    }

    /// A count that is later used to read that many things of at least `minimum` bytes each.
    package mutating func count(minimum: Int = 1) throws(InternalRecordError) -> Int {
        let value = try varint()
        guard value <= UInt64(remaining / max(1, minimum)) else { throw .endsEarly }
        return Int(value)
    }

    package mutating func skip(_ count: Int) throws(InternalRecordError) {
        guard count >= 0, count <= remaining else { throw .endsEarly }
        position += count
    }

    package mutating func bytes(_ count: Int) throws(InternalRecordError) -> [UInt8] {
        guard count >= 0, count <= remaining else { throw .endsEarly }
        defer { position += count }
        return Array(record[position..<position + count])
    }

    package mutating func bytes() throws(InternalRecordError) -> [UInt8] {
        try bytes(try count())
    }

    /// Passes what ``bytes()`` would return, without copying it.
    mutating func withBytes<Result>(_ body: (RawSpan) -> Result) throws(InternalRecordError) -> Result {
        let count = try count()
        defer { position += count }
        return unsafe body(record.span.bytes.extracting(position..<position + count))
    }

    package mutating func rest() -> [UInt8] {
        defer { position = record.count }
        return Array(record[position...])
    }
}

/// The place up to which bytes that are lent, not copied, have been read. Every read is checked.
struct SpanReader {
    var position = 0

    @inline(__always)
    mutating func byte(_ bytes: RawSpan) throws(InternalRecordError) -> UInt8 {
        guard position < bytes.byteCount else { throw .endsEarly }
        defer { position += 1 }
        return bytes.byte(at: position)
    }

    @inline(__always)
    mutating func varint(_ bytes: RawSpan) throws(InternalRecordError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte(bytes)
            guard shift < 63 || next < 2 else { throw InternalRecordError("a number of more than 64 bits") }
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
            shift += 7
        }
    }

    mutating func signedVarint(_ bytes: RawSpan) throws(InternalRecordError) -> Int64 {
        let raw = try varint(bytes)
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }
}

extension InternalRecordError {
    static var endsEarly: InternalRecordError { InternalRecordError("the record ends early") }
}

extension RawSpan {
    /// The byte at `index`, bounds checked.
    @inline(__always)
    func byte(at index: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) }

    /// A copy of the bytes from `start` on.
    func array(from start: Int) -> [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0[start...]) }
    }
}
