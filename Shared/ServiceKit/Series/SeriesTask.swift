public import BusinessTime
public import KPIs
public import Kafka
public import Streams

/// The series stage's task: adds the contributions of its cells, and publishes what has changed.
public final class SeriesTask: StreamTask {
    /// Index of `support.alerts` among the stage's outputs.
    static let alerts = 0

    private let context: TaskContext
    private var store: SeriesStore
    private var figures = SeriesFigures()
    private var limit = UpdateLimit()

    public init(catalogue: KPICatalogue, zone: BusinessZone, settings: SeriesSettings, context: TaskContext) {
        var settings = settings
        settings.generation = UInt32(clamping: context.generation)
        store = SeriesStore(catalogue: catalogue, zone: zone, settings: settings)
        self.context = context
    }

    public var dirty: Int { store.dirtyCount }
    public var isUrgent: Bool { false }

    public func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {
        do { try store.restore(key: key, value: value) } catch { throw InternalRecordError(error.description) }
    }

    /// The store is complete with each record that it takes.
    public func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {}

    public func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        for record in records {
            try batch.withKey(record) { (key) throws(InternalRecordError) in
                try batch.withValue(record) { (value) throws(InternalRecordError) in
                    try apply(key, value, record)
                }
            }
        }
    }

    private func apply(_ key: RawSpan?, _ value: RawSpan?, _ record: Int) throws(InternalRecordError) {
        guard let key, let value else {
            throw InternalRecordError("a record of contributions without key or value", record: record)
        }
        guard isOwn(key) else {
            throw InternalRecordError("the cell of this record belongs to another partition", record: record)
        }
        do {
            try store.apply(cell: key, record: value)
        } catch .laterRules(let version) {
            throw InternalRecordError(neededSettings: version, record: record)
        } catch {
            throw InternalRecordError(error.description, record: record)
        }
    }

    private func isOwn(_ key: RawSpan) -> Bool {
        var bytes: [UInt8] = []
        for index in 0..<key.byteCount { bytes.append(key.byte(at: index)) }
        return Partitioner.partition(key: CellKey.owner(of: bytes), count: context.partitionCount) == context.partition
    }

    /// Windows close and rolling windows move on when the next commit is prepared, with the clock of that moment.
    public func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}

    public func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        let partitions = context.outputPartitionCounts[Self.alerts]
        // Of the stages before this one, ingest may lag by 5 s without a reason.
        let isHeld = !time.caughtUp || time.wall - time.clock > Self.longestLag
        let start = ContinuousClock.now
        store.publish(clock: time.clock, wall: time.wall, idle: time.idle, isHeld: isHeld, limit: limit.value) {
            key, value, alert in
            output.send(
                to: Self.alerts, partition: Partitioner.partition(key: key, count: partitions), key: key, value: value,
                headers: alert.type == Self.updateType ? Self.headers : [("ce_type", Array(alert.type.utf8))])
        }
        limit.note(isFull: store.lastRoundWasFull, took: ContinuousClock.now - start)
        store.writeChangelog { key, value in output.changelog(key: key, value: value) }
    }

    private static let updateType = "deskbeat.kpi.updated"
    private static let headers = [("ce_type", Array(updateType.utf8))]
    /// A clock that is further behind the wall is held.
    private static let longestLag: Int64 = 10_000_000

    public func commitSucceeded() {
        store.commitSucceeded()
        figures.committed { store.lateDropped(in: $0) }
    }

    public func rollBack() { store.rollBack() }
}
