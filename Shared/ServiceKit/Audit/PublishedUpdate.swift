import BusinessTime
import KPIs

/// A KPI update of `support.alerts`, taken apart.
struct PublishedUpdate {
    var kpi: String
    var window: BatchWindow
    /// Key of the cell that its dimensions name.
    var cell: [UInt8]
    var dimensions: [String: String]
    /// Nil for what does not close.
    var isClosed: Bool?
    var data: JSONValue
    /// Of `now`: the instant for which it speaks.
    var at: Int64?

    /// Nil when the alert is not as the contract says; `fault` tells why.
    init?(_ alert: JSONValue, key: String, _ zone: BusinessZone, fault: inout String) {
        guard let data = alert["data"], let kpi = data["kpi"]?.string, let window = data["window"],
            let kind = window["kind"]?.string.flatMap({ WindowKind(name: $0) })
        else {
            fault = "no kpi or no window"
            return nil
        }
        self.data = data
        self.kpi = kpi
        dimensions = [:]
        if case .object(let members) = data["dimensions"] ?? .null {
            for (name, value) in members { dimensions[name] = value.string }
        }
        cell = CellKey(dimensions.map { (name: $0.key, value: $0.value) }).bytes
        isClosed = window["closed"]?.bool
        var label = ""
        if kind == .now {
            self.window = BatchWindow(.now, bounds: zone.bounds(from: 0, to: 0))
            at = window["at"]?.string.flatMap(AuditInstant.micros)
        } else {
            guard let start = window["start"]?.string.flatMap(AuditInstant.micros),
                let end = window["end"]?.string.flatMap(AuditInstant.micros), start <= end
            else {
                fault = "no start or no end"
                return nil
            }
            if kind.isCalendar {
                self.window = BatchWindow(kind, zone.bucket(of: kind, at: start), zone)
                guard self.window.bounds.start == start, self.window.bounds.end == end else {
                    fault = "start and end are not those of a \(kind.name)"
                    return nil
                }
                label = "@" + BucketLabel.text(kind, bucket: self.window.number)
            } else {
                self.window = BatchWindow(kind, bounds: zone.bounds(from: start, to: end))
            }
        }
        let expected = Self.key(kpi, kind, cell) + label
        guard key == expected, alert["subject"]?.string == key else {
            fault = "its content is that of \(expected)"
            return nil
        }
    }

    /// The series id.
    static func key(_ kpi: String, _ kind: WindowKind, _ cell: [UInt8]) -> String {
        "\(kpi)/\(kind.name)" + (cell.isEmpty ? "" : ";" + String(decoding: cell, as: UTF8.self))
    }
}
