internal import CRdkafka

/// The librdkafka that is loaded at run time.
public struct LibraryVersion: Comparable, Sendable, CustomStringConvertible {
    /// `0xMMmmrrxx`, as `rd_kafka_version()` returns it.
    public let number: UInt32

    public init(number: UInt32) {
        self.number = number
    }

    public static var loaded: LibraryVersion { LibraryVersion(number: UInt32(truncatingIfNeeded: rd_kafka_version())) }
    /// The oldest version whose behaviour this module knows.
    public static let oldestSupported = LibraryVersion(number: 0x02_00_02_ff)

    public static func < (left: LibraryVersion, right: LibraryVersion) -> Bool { left.number < right.number }

    public var description: String {
        "\(number >> 24).\((number >> 16) & 0xff).\((number >> 8) & 0xff)"
    }

    /// Refuses a library that is too old: every handle is created behind this check.
    public func requireSupported() throws(KafkaError) {
        guard number >> 8 >= Self.oldestSupported.number >> 8 else {
            throw KafkaError(
                code: .unsupportedFeature,
                reason: "librdkafka \(self) is loaded, \(Self.oldestSupported) or newer is needed",
                operation: "use librdkafka", reaction: .fatal)
        }
    }
}
