/// A cell: the dimension values for which figures are kept, as `dim=value` pairs sorted by dimension and joined by `;`,
/// percent-encoded (RFC 3986: all but letters, digits, `-`, `.`, `_`, `~`). The overall cell is empty.
///
/// ```
/// CellKey([("team", "billing"), ("channel", "e mail")]).text  // channel=e%20mail;team=billing
/// ```
public struct CellKey: Hashable, Sendable {
    public let bytes: [UInt8]

    public static let overall = CellKey([])

    /// - Parameter dimensions: Each dimension at most once, in any order.
    public init(_ dimensions: [(name: String, value: String)]) {
        var bytes: [UInt8] = []
        for (name, value) in dimensions.sorted(by: {
            Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8))
        }) {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ";")) }
            AlertWriter.appendPercentEncoded(name.utf8, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            AlertWriter.appendPercentEncoded(value.utf8, to: &bytes)
        }
        self.bytes = bytes
    }

    /// A key as it was stored, or nil when the bytes are none.
    public init?(bytes: [UInt8]) {
        guard CellKey.dimensions(in: bytes) != nil else { return nil }
        self.bytes = bytes
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Sorted by name.
    public var dimensions: [(name: String, value: String)] { CellKey.dimensions(in: bytes) ?? [] }

    /// The record key of the cell on repartition topics, by which its partition is computed: ``bytes``, or `~` for the
    /// overall cell (a Kafka key that is empty is legal, but easily mistaken for none).
    public var partitionKey: [UInt8] { bytes.isEmpty ? CellKey.overallPartitionKey : bytes }

    static let overallPartitionKey = [UInt8(ascii: "~")]

    private static func dimensions(in bytes: [UInt8]) -> [(name: String, value: String)]? {
        var result: [(name: String, value: String)] = []
        if bytes.isEmpty { return result }
        for pair in bytes.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            let parts = pair.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let name = AlertWriter.percentDecoded(parts[0]),
                let value = AlertWriter.percentDecoded(parts[1])
            else { return nil }
            result.append((name, value))
        }
        return result
    }
}
