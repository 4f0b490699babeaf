import Kafka
import SupportEvents

/// What holds of the alerts of one service as a stream: ids are unique, sequences rise, a window that has closed stays closed
/// unless its end has moved on, as the end of a day does with a time zone further west. Keeps the latest update of each KPI
/// key of one partition.
struct AlertStream {
    let source: String
    private var ids: Set<Hash128> = []
    private var sequences: [String: Int64] = [:]
    /// By key, the latest end (µs) with which a window was published as closed.
    private var closedEnds: [String: Int64] = [:]
    private(set) var latest: [String: [UInt8]] = [:]
    private(set) var count = 0

    /// `ticketing`, which every alert of the service has in its source.
    private let mark: [UInt8]

    init(source: String) {
        self.source = source
        mark = Array((source.split(separator: "/").last ?? "").utf8)
    }

    /// A fact that is no KPI update.
    struct Fact {
        var type: String
        var key: String
        var data: JSONValue
    }

    /// Takes a record; gives the fact in it, if it is one of this service.
    mutating func take(_ batch: RecordBatch, _ record: Int, _ report: inout AuditReport) -> Fact? {
        guard let keyBytes = batch.key(record), let value = batch.value(record), isMarked(value) else { return nil }
        let key = String(decoding: keyBytes, as: UTF8.self)
        guard let alert = JSONValue(value) else {
            report.add(.stream, key, "value", published: "no JSON", recomputed: "a CloudEvent")
            return nil
        }
        guard alert["source"]?.string == source else { return nil }
        count += 1
        let type = alert["type"]?.string ?? ""
        let header = batch.headers(record).first { $0.name == "ce_type" }?.value.map {
            String(decoding: $0, as: UTF8.self)
        }
        if header != type {
            report.add(.stream, key, "ce_type", published: header ?? "nothing", recomputed: type)
        }
        if let id = alert["id"]?.string, !ids.insert(Hash128(Array(id.utf8))).inserted {
            report.add(.stream, key, "id", published: id, recomputed: "an id of its own")
        }
        let data = alert["data"] ?? .null
        let isUpdate = type == "deskbeat.kpi.updated"
        checkSequence(alert, isUpdate ? key : data["fingerprint"]?.string ?? key, isUpdate, data, &report)
        guard isUpdate else { return Fact(type: type, key: key, data: data) }
        checkClosed(data["window"], key, &report)
        latest[key] = value
        return nil
    }

    private mutating func checkClosed(_ window: JSONValue?, _ key: String, _ report: inout AuditReport) {
        // Without an end there is nothing to be closed; a calendar window that has none is found when it is compared.
        guard let end = window?["end"]?.string.flatMap(AuditInstant.micros) else { return }
        if window?["closed"]?.bool == true {
            closedEnds[key] = max(closedEnds[key] ?? end, end)
        } else if let closedEnd = closedEnds[key], end <= closedEnd {
            report.add(.stream, key, "window.closed", published: "false", recomputed: "true, as it was before")
        }
    }

    /// Whether an alert can be one of this service: most of the others need not be taken apart.
    private func isMarked(_ value: [UInt8]) -> Bool {
        guard let first = mark.first, value.count >= mark.count else { return false }
        for start in 0...value.count - mark.count where value[start] == first {
            if value[start..<start + mark.count].elementsEqual(mark) { return true }
        }
        return false
    }

    private mutating func checkSequence(
        _ alert: JSONValue, _ series: String, _ isUpdate: Bool, _ data: JSONValue, _ report: inout AuditReport
    ) {
        guard let sequence = alert["sequence"]?.string.flatMap({ Int64($0) }) else {
            report.add(.stream, series, "sequence", published: "none", recomputed: "digits")
            return
        }
        if isUpdate, data["revision"]?.integer != sequence {
            report.add(
                .stream, series, "revision", published: data["revision"]?.text ?? "none", recomputed: "\(sequence)")
        }
        // Facts of one cycle have keys, and so partitions, of their own: their order is known within a key only.
        if isUpdate, let before = sequences[series], sequence <= before {
            report.add(.stream, series, "sequence", published: "\(sequence)", recomputed: "above \(before)")
        }
        sequences[series] = sequence
    }

    /// Goes on with another partition: keys stay in theirs, ids do not.
    mutating func nextPartition() {
        latest = [:]
        sequences = [:]
        closedEnds = [:]
    }
}
