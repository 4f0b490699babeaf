package import NIOCore

/// Why a frame cannot be understood. The connection that sent it is closed: after such a frame nothing on it can be trusted.
package enum WireError: Error, Equatable {
    case truncated
    case negativeLength(Int)
    case lengthExceedsFrame(Int)
    case tooManyElements(Int)
    case notUTF8
    case malformedVarint
    case trailingBytes(Int)
    case unsupportedAPI(key: Int16, version: Int16)
}

/// One direction of the protocol's serialisation. A message describes its fields once, in `WireStruct.code`, and that one
/// description serves for reading and for writing, in the classic and in the flexible (KIP-482) encoding. So both sides of
/// every message exist, and a round trip can be tested, although the broker needs only one side of each.
package protocol WireCoder {
    /// The API version of the message that is being coded.
    var version: Int16 { get }

    mutating func bool(_ value: inout Bool) throws(WireError)
    mutating func int8(_ value: inout Int8) throws(WireError)
    mutating func int16(_ value: inout Int16) throws(WireError)
    mutating func int32(_ value: inout Int32) throws(WireError)
    mutating func int64(_ value: inout Int64) throws(WireError)
    mutating func string(_ value: inout String) throws(WireError)
    mutating func nullableString(_ value: inout String?) throws(WireError)
    mutating func bytes(_ value: inout ByteBuffer) throws(WireError)
    mutating func records(_ value: inout ByteBuffer?) throws(WireError)
    mutating func int32s(_ value: inout [Int32]) throws(WireError)
    mutating func strings(_ value: inout [String]) throws(WireError)
    mutating func nullableStrings(_ value: inout [String]?) throws(WireError)
    mutating func array<Element: WireStruct>(_ value: inout [Element]) throws(WireError)
    mutating func nullableArray<Element: WireStruct>(_ value: inout [Element]?) throws(WireError)
    /// The tagged fields at the end of every struct of a flexible version. None of the supported versions defines one, so
    /// none is written and unknown ones are skipped.
    mutating func tags() throws(WireError)
}

extension WireCoder {
    mutating func error(_ value: inout ErrorCode) throws(WireError) {
        var code = value.rawValue
        try int16(&code)
        value = ErrorCode(rawValue: code)
    }

    /// The throttle time of a response; this broker never throttles.
    mutating func throttleTime() throws(WireError) {
        var none: Int32 = 0
        try int32(&none)
    }
}

/// A message, or a struct within one.
package protocol WireStruct: Sendable {
    init()
    mutating func code<Coder: WireCoder>(_ coder: inout Coder) throws(WireError)
}

extension WireStruct {
    package init(_ configure: (inout Self) -> Void) {
        self.init()
        configure(&self)
    }
}
