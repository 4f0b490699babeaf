import BusinessTime
import KPIs
import Kafka

extension BatchPass {
    /// An update of one month's count.
    private struct Count {
        var sequence: Int64
        var value: Int64
        /// Whether the service has read it for sure.
        var isPassed: Bool
    }

    /// Adds the latest counts that other services had published when the service was looked at.
    mutating func add(_ counts: PublishedCounts, _ reader: PartitionReader, _ report: inout AuditReport) throws {
        let passed = snapshot.passed[counts.stage] ?? [:]
        var told: [String: [Count]] = [:]
        for (partition, end) in snapshot.alerts.sorted(by: { $0.key < $1.key }) {
            try reader.read(partition, upTo: end) { batch, record in
                guard let keyBytes = batch.key(record), let value = batch.value(record) else { return }
                let key = String(decoding: keyBytes, as: UTF8.self)
                guard counts.measures.keys.contains(where: { key.hasPrefix("\($0)/month") }),
                    let alert = JSONValue(value), alert["type"]?.string == "deskbeat.kpi.updated",
                    let sequence = alert["sequence"]?.string.flatMap({ Int64($0) }),
                    let number = alert["data"]?["value"]?.integer
                else { return }
                let isPassed = batch.records[record].offset < passed[partition] ?? 0
                told[key, default: []].append(Count(sequence: sequence, value: number, isPassed: isPassed))
            }
        }
        for (key, updates) in told.sorted(by: { $0.key < $1.key }) {
            guard let place = place(of: key, counts) else { continue }
            let sure = updates.filter(\.isPassed).max { $0.sequence < $1.sequence }
            let isMoving = updates.contains { !$0.isPassed && $0.sequence > sure?.sequence ?? .min }
            let contribution = Contribution(
                measure: place.measure.id, base: .day, cells: 0, bucket: place.day, value: sure?.value ?? 0)
            if isMoving { add(contribution, in: place.cell, isMoving: true) }
            if contribution.value != 0 { add(contribution, in: place.cell, isMoving: false) }
        }
    }

    /// Of `tickets_created/month;team=billing@2026-11`.
    private func place(
        of key: String, _ counts: PublishedCounts
    ) -> (measure: Measure, cell: CellKey, day: Int64)? {
        guard let mark = key.lastIndex(of: "@"), let slash = key.firstIndex(of: "/"),
            let measure = counts.measures[String(key[..<slash])],
            plan.catalogue.baseBucket(of: measure) != nil
        else { return nil }
        let series = key[key.index(after: slash)..<mark].split(separator: ";", maxSplits: 1)
        guard series.first == "month", let cell = CellKey(bytes: Array((series.count > 1 ? series[1] : "").utf8)),
            cell.dimensions.count <= 1, cell.dimensions.allSatisfy({ counts.dimensions.contains($0.name) })
        else { return nil }
        let label = key[key.index(after: mark)...].split(separator: "-").compactMap { Int($0) }
        guard label.count == 2, let day = CivilDate(year: label[0], month: label[1], day: 1)?.dayNumber else {
            return nil
        }
        return (measure, cell, day)
    }
}
