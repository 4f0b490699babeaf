/// A cell: the dimension values for which figures are kept, as `dim=value` pairs sorted by dimension and joined by `;`,
/// percent-encoded (RFC 3986: all but letters, digits, `-`, `.`, `_`, `~`). The overall cell is empty.
///
/// A *detail cell* is a part of another one, from which that one's figures are made: its owner's key, `!`, and the
/// dimensions by which it is told apart. It lies in the partition of its owner.
///
/// ```
/// CellKey([("team", "billing"), ("channel", "e mail")]).text                 // channel=e%20mail;team=billing
/// CellKey([("team", "billing")], detail: [("agent", "A-1")]).text            // team=billing!agent=A-1
/// ```
public struct CellKey: Hashable, Sendable {
    public let bytes: [UInt8]

    public static let overall = CellKey([])

    private static let detailMark = UInt8(ascii: "!")

    /// - Parameter dimensions: Each dimension at most once, in any order.
    public init(_ dimensions: [(name: String, value: String)]) {
        bytes = CellKey.encoded(dimensions)
    }

    /// A detail cell.
    public init(_ dimensions: [(name: String, value: String)], detail: [(name: String, value: String)]) {
        bytes = CellKey.encoded(dimensions) + [CellKey.detailMark] + CellKey.encoded(detail)
    }

    private static func encoded(_ dimensions: [(name: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in dimensions.sorted(by: {
            Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8))
        }) {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ";")) }
            AlertWriter.appendPercentEncoded(name.utf8, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            AlertWriter.appendPercentEncoded(value.utf8, to: &bytes)
        }
        return bytes
    }

    /// A key as it was stored, or nil when the bytes are none.
    public init?(bytes: [UInt8]) {
        guard CellKey.dimensions(in: CellKey.owner(of: bytes)) != nil else { return nil }
        if let detail = CellKey.detail(of: bytes), CellKey.dimensions(in: Array(detail)) == nil { return nil }
        self.bytes = bytes
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Those of the owner, for a detail cell; sorted by name.
    public var dimensions: [(name: String, value: String)] {
        CellKey.dimensions(in: CellKey.owner(of: bytes)) ?? []
    }

    /// Of a detail cell, sorted by name; nil for any other one.
    public var detail: [(name: String, value: String)]? {
        CellKey.detail(of: bytes).flatMap { CellKey.dimensions(in: Array($0)) }
    }

    /// The cell of which a detail cell is a part; nil for any other one.
    public var owner: CellKey? {
        CellKey.detail(of: bytes).flatMap { _ in CellKey(bytes: CellKey.owner(of: bytes)) }
    }

    /// What the partition of a record key on repartition topics is computed from: the part up to the detail.
    public static func owner(of recordKey: [UInt8]) -> [UInt8] {
        recordKey.firstIndex(of: detailMark).map { Array(recordKey[..<$0]) } ?? recordKey
    }

    private static func detail(of bytes: [UInt8]) -> ArraySlice<UInt8>? {
        bytes.firstIndex(of: detailMark).map { bytes[($0 + 1)...] }
    }

    /// The record key of the cell on repartition topics: ``bytes``, or `~` for the overall cell (a Kafka key that is empty
    /// is legal, but easily mistaken for none).
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
