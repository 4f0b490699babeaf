import BusinessTime
import FoundationEssentials
import KPIs
public import Kafka
import ServiceKit
public import Streams

/// Takes the numbers of tickets from ticketing's KPI updates on `support.alerts`, as any other consumer would: the latest
/// revision of each month counts.
public final class TicketCounts: StreamTask {
    private struct Count: Equatable {
        /// Of the update: grows with each revision.
        var sequence: UInt64
        var value: Int64
        /// What the series stage has been told.
        var told: Int64
    }

    private struct Series {
        var measure: Measure
        var cell: CellKey
        var day: Int64
    }

    static let kpis = [
        "tickets_created": RevenueMeasure.ticketsCreated, "tickets_solved": RevenueMeasure.ticketsSolved,
    ]
    private static let measures = kpis.map { (prefix: Array("\($0.key)/month".utf8), measure: $0.value) }
    /// Breakdowns that costs or customers have, too.
    static let dimensions: Set<String> = ["team", "segment", "tier"]
    private static let format: UInt8 = 1
    private static let longestKey = 1_000

    private let catalogue: KPICatalogue
    private let context: TaskContext
    /// By the key of the update.
    private var counts: [[UInt8]: Count] = [:]
    /// Of the current transaction.
    private var changed: [[UInt8]: Count] = [:]
    private var cells = CellTable()
    private var deltas: DeltaAccumulator

    init(_ catalogue: KPICatalogue, _ context: TaskContext) {
        self.catalogue = catalogue
        self.context = context
        deltas = DeltaAccumulator(catalogue)
    }

    public var dirty: Int { changed.count }
    public var isUrgent: Bool { false }

    public func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for record in records {
            let key = batch.withKey(record) { (key: RawSpan?) -> [UInt8]? in
                guard let key, key.byteCount <= Self.longestKey, Self.isRead(key) else { return nil }
                return unsafe key.withUnsafeBytes { unsafe Array($0) }
            }
            guard let key, Self.series(key) != nil else { continue }
            let value = batch.withValue(record) { (value: RawSpan?) -> [UInt8]? in
                guard let value else { return nil }
                return unsafe value.withUnsafeBytes { unsafe Array($0) }
            }
            // What compaction or an operator has removed stays counted as it was.
            guard let value else { continue }
            guard let update = try? JSONDecoder().decode(Update.self, from: Data(value)),
                update.type == "deskbeat.kpi.updated", let sequence = UInt64(update.sequence)
            else {
                throw InternalRecordError("a KPI update of tickets that cannot be read", record: record)
            }
            let known = changed[key] ?? counts[key]
            guard known.map({ $0.sequence < sequence }) ?? true else { continue }
            changed[key] = Count(sequence: sequence, value: update.data.value, told: known?.told ?? 0)
        }
    }

    private struct Update: Decodable {
        struct Figures: Decodable {
            var value: Int64
        }

        var type: String
        var sequence: String
        var data: Figures
    }

    /// Nearly every record of the topic is another one: told apart without a copy.
    private static func isRead(_ key: RawSpan) -> Bool {
        for (prefix, _) in measures where key.byteCount > prefix.count {
            var isEqual = true
            for (index, byte) in prefix.enumerated() where isEqual {
                isEqual = unsafe key.unsafeLoad(fromByteOffset: index, as: UInt8.self) == byte
            }
            if isEqual { return true }
        }
        return false
    }

    /// `tickets_created/month;team=billing@2026-11`: nil for what is not read.
    private static func series(_ key: [UInt8]) -> Series? {
        guard let (prefix, measure) = measures.first(where: { key.starts(with: $0.prefix) }),
            let mark = key.lastIndex(of: UInt8(ascii: "@"))
        else { return nil }
        let dimensions = key[prefix.count..<mark]
        guard dimensions.isEmpty || dimensions.first == UInt8(ascii: ";"),
            let cell = CellKey(bytes: Array(dimensions.dropFirst())),
            cell.dimensions.count <= 1, cell.dimensions.allSatisfy({ Self.dimensions.contains($0.name) })
        else { return nil }
        let label = String(decoding: key[(mark + 1)...], as: UTF8.self).split(separator: "-").compactMap { Int($0) }
        guard label.count == 2, let day = CivilDate(year: label[0], month: label[1], day: 1)?.dayNumber else {
            return nil
        }
        return Series(measure: measure, cell: cell, day: day)
    }

    public func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}

    public func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        for (key, count) in changed.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            guard let series = Self.series(key) else { continue }
            var count = count
            if let base = catalogue.baseBucket(of: series.measure), count.told != count.value {
                try tell(count.told, -1, series, base)
                try tell(count.value, 1, series, base)
                count.told = count.value
            }
            changed[key] = count
            var value: [UInt8] = [Self.format]
            value.appendVarint(count.sequence)
            value.appendSignedVarint(count.value)
            value.appendSignedVarint(count.told)
            unsafe output.changelog(key: key.span.bytes, value: value.span.bytes)
        }
        let partitions = context.outputPartitionCounts[0]
        do {
            try deltas.drain(cellsOf: { [$0] }) { cell, record in
                cells.withPartitionKey(of: cell) { key in
                    output.send(
                        to: 0, partition: Partitioner.partition(key: key, count: partitions), key: key, value: record)
                }
            }
        } catch {
            throw InternalRecordError(error.description)
        }
    }

    private func tell(
        _ value: Int64, _ weight: Int64, _ series: Series, _ base: BaseBucket
    ) throws(InternalRecordError) {
        guard value != 0 else { return }
        do {
            try deltas.add(
                set: cells.intern(series.cell), measure: series.measure.id, base: base, bucket: series.day,
                value: value, weight: weight, at: .min)
        } catch {
            throw InternalRecordError(error.description)
        }
    }

    public func commitSucceeded() {
        counts.merge(changed) { $1 }
        changed.removeAll()
    }

    public func rollBack() {
        changed.removeAll()
        deltas.removeAll()
    }

    public func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {
        let key = unsafe key.withUnsafeBytes { unsafe Array($0) }
        guard let value else {
            counts[key] = nil
            return
        }
        var reader = BinaryReader(unsafe value.withUnsafeBytes { unsafe Array($0) })
        guard try reader.byte() == Self.format else {
            throw InternalRecordError("a count of tickets of an unknown format: written by a newer version")
        }
        counts[key] = Count(
            sequence: try reader.varint(), value: try reader.signedVarint(), told: try reader.signedVarint())
    }

    /// Rules that now ask for what they did not ask for before are followed.
    public func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {
        for (key, count) in counts where count.told != count.value {
            if let series = Self.series(key), catalogue.baseBucket(of: series.measure) != nil { changed[key] = count }
        }
    }
}
