import FoundationEssentials
import ServiceKit

/// The record key of a KPI update, taken apart: `<kpi>/<window>;<dimension>=<value>…@<bucket>`.
package struct KPIKey: Equatable, Sendable {
    package var kpi: String
    package var window: String
    /// In the order of the key, which is sorted.
    package var cell: [(dimension: String, value: String)]
    /// Nil for rolling windows and gauges.
    package var bucket: String?

    package static func == (left: KPIKey, right: KPIKey) -> Bool {
        (left.kpi, left.window, left.bucket) == (right.kpi, right.window, right.bucket)
            && left.cell.elementsEqual(right.cell, by: ==)
    }

    /// Nil when `text` is no such key.
    package init?(_ text: String) {
        // By code units: what separates the parts is ASCII, and characters are slow to look for.
        let units = text.utf8
        guard !units.contains(UInt8(ascii: "#")), let slash = units.firstIndex(of: UInt8(ascii: "/")) else {
            return nil
        }
        var rest = text[units.index(after: slash)...]
        kpi = String(text[..<slash])
        if let at = rest.utf8.lastIndex(of: UInt8(ascii: "@")) {
            bucket = String(rest[rest.utf8.index(after: at)...])
            rest = rest[..<at]
        }
        let parts = rest.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map {
            Substring($0)
        }
        guard let first = parts.first, !kpi.isEmpty, Self.windows.contains(String(first)) else { return nil }
        window = String(first)
        cell = []
        for part in parts.dropFirst() {
            guard let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")),
                let value = part[part.utf8.index(after: equals)...].percentDecoded
            else { return nil }
            cell.append((String(part[..<equals]), value))
        }
    }

    /// In the order in which they are shown.
    package static let windows = ["now", "hour", "day", "week", "month", "quarter", "year", "24h", "7d", "30d"]

    /// `channel=email, priority=urgent`; empty for the overall series.
    package var cellText: String { cell.map { "\($0.dimension)=\($0.value)" }.joined(separator: ", ") }
}

/// Which KPI updates a user asked for.
package struct KPIFilter: Sendable {
    package var kpis: Set<String>
    package var windows: Set<String>
    /// All must hold.
    package var cell: [(dimension: String, value: String)]

    package init(kpis: [String] = [], windows: [String] = [], cell: [(dimension: String, value: String)] = []) {
        self.kpis = Set(kpis)
        self.windows = Set(windows)
        self.cell = cell
    }

    package func accepts(_ key: KPIKey) -> Bool {
        (kpis.isEmpty || kpis.contains(key.kpi)) && (windows.isEmpty || windows.contains(key.window))
            && cell.allSatisfy { wanted in key.cell.contains { $0 == wanted } }
    }
}
