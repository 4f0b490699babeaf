package import Kafka
package import ServiceKit
package import Streams
package import SupportEvents

/// The inbound topic's records become canonical events: validated, aliased, stripped of what the contract does not name,
/// pseudonymised, and routed to the topic and partition of their entity. What is no valid event goes to the dead letters.
///
/// A pure function of a record but for one thing: whether a time lies in the future is judged by the wall clock of the last
/// ``TaskTime``, and by the record's own append time before the first one.
package final class TransformTask: StreamTask {
    /// Canonical topics, in the order of the stage's outputs.
    package static let topics = ["tickets", "contacts", "surveys", "customers", "finance"]
    /// Values that are decoded at a time: bounds the decoder's memory.
    private static let chunk = 2_048

    private let decoder: EventDecoder
    private var encoder: CanonicalEncoder
    private let pseudonymizer: Pseudonymizer?
    private let partitionCounts: [Int32]
    private let outputs: [Int]
    private let figures: TransformFigures
    private var wall: Int64?
    private var watch: SourceWatch

    /// For each value of the chunk, the record that it stands in and its place in it; -1: it is the whole record.
    private var origins: [(record: Int, element: Int)] = []
    /// The records of the chunk that are rejected: each goes to the dead letters once.
    private var lastRejected = -1

    /// - Parameters:
    ///   - partitionCounts: Of the canonical topics, in the order of ``topics``.
    ///   - sources: Those that are watched.
    ///   - figures: Shared by the tasks of a process.
    package init(
        options: DecoderOptions, keepsComments: Bool, pseudonymizer: Pseudonymizer?, partitionCounts: [Int32],
        sources: [WatchedSource] = [], figures: TransformFigures
    ) {
        watch = SourceWatch(sources)
        precondition(partitionCounts.count == Self.topics.count, "one count for each canonical topic")
        decoder = EventDecoder(options)
        encoder = CanonicalEncoder(keepsComments: keepsComments)
        self.pseudonymizer = pseudonymizer
        self.partitionCounts = partitionCounts
        self.figures = figures
        let kinds = EntityKind.allCases.map { (Int($0.rawValue), Self.topics.firstIndex(of: $0.topic) ?? 0) }
        var outputs = [Int](repeating: 0, count: 1 + (kinds.map(\.0).max() ?? 0))
        for (kind, output) in kinds { outputs[kind] = output }
        self.outputs = outputs
    }

    // MARK: Stateless

    package func restore(key: RawSpan, value: RawSpan?) throws(InternalRecordError) {}
    package func restoreCompleted(output: any TaskOutput) throws(InternalRecordError) {}
    package func prepareCommit(_ time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {}
    package func commitSucceeded() {}
    package func rollBack() {}
    package var dirty: Int { 0 }
    package var isUrgent: Bool { false }

    package func advance(to time: TaskTime, output: any TaskOutput) throws(InternalRecordError) {
        wall = time.wall
        watch.begin(at: time.wall)
    }

    package var sources: SourceSigns? { watch.signs }

    // MARK: Records

    package func process(
        _ batch: RecordBatch, _ records: Range<Int>, input: Int, output: any TaskOutput
    ) throws(InternalRecordError) {
        guard let first = records.first else { return }
        let now = wall ?? batch.records[first].timestamp * 1_000
        begin()
        for record in records {
            let place = batch.records[record]
            if let attributes = Self.attributes(batch, record) {
                add(record, place.valueStart, place.valueCount, attributes: attributes)
            } else if Self.isArray(batch, place) {
                addElements(batch, record, place, now, output)
            } else {
                add(record, place.valueStart, place.valueCount)
            }
            if origins.count >= Self.chunk { flush(batch, now, output) }
        }
        flush(batch, now, output)
    }

    private func begin() {
        decoder.begin()
        origins.removeAll(keepingCapacity: true)
    }

    private func add(_ record: Int, _ start: Int, _ count: Int, element: Int = -1) {
        decoder.add(start: start, count: count)
        origins.append((record, element))
    }

    private func add(_ record: Int, _ start: Int, _ count: Int, attributes: [(CloudEventAttribute, [UInt8])]) {
        decoder.add(start: start, count: count, attributes: attributes)
        origins.append((record, -1))
    }

    private func addElements(
        _ batch: RecordBatch, _ record: Int, _ place: RecordBatch.Record, _ now: Int64, _ output: any TaskOutput
    ) {
        do {
            let body = Array(batch.bytes[place.valueStart..<place.valueStart + place.valueCount])
            for (element, range) in try EventSplitter.events(in: body).enumerated() {
                add(record, place.valueStart + range.lowerBound, range.count, element: element)
                if origins.count >= Self.chunk { flush(batch, now, output) }
            }
        } catch {
            // What stands before it in the chunk goes first, so that dead letters keep the order of their records.
            flush(batch, now, output)
            reject(batch, record, error.reason, error.pointer, output)
        }
    }

    private func flush(_ batch: RecordBatch, _ now: Int64, _ output: any TaskOutput) {
        guard !origins.isEmpty else { return }
        decoder.decode(batch.bytes, now: now)
        for (index, origin) in origins.enumerated() {
            let event = decoder[index]
            if let reason = event.rejection {
                let pointer = decoder.string(event.pointer)
                reject(
                    batch, origin.record, reason, origin.element < 0 ? pointer : "/\(origin.element)\(pointer)", output)
            } else {
                if !watch.isEmpty {
                    watch.heard(event, arrival: batch.records[origin.record].timestamp * 1_000)
                }
                forward(event, output)
            }
        }
        begin()
    }

    /// Of a record with several events the first wrong one is named; the valid ones have been, or are, forwarded.
    private func reject(
        _ batch: RecordBatch, _ record: Int, _ reason: RejectionReason, _ pointer: String, _ output: any TaskOutput
    ) {
        guard record != lastRejected else { return }
        lastRejected = record
        figures.rejected(reason)
        output.deadLetter(batch, record, reason: reason.identifier, pointer: pointer.isEmpty ? nil : pointer)
    }

    private func forward(_ event: DecodedEvent, _ output: any TaskOutput) {
        let index = outputs[Int(event.entityKind.rawValue)]
        figures.forwarded(index)
        guard let pseudonymizer else {
            encoder.encode(event, in: decoder)
            decoder.withText(event.entity) { send($0, index, output) }
            return
        }
        var content = EventContent(event, in: decoder)
        pseudonymizer.apply(to: &content)
        encoder.encode(content, id: decoder.bytes(event.id), source: decoder.bytes(event.source))
        let id = decoder.bytes(event.entity)
        let key = pseudonymizer.replacesKey(of: event.entityKind) ? pseudonymizer.pseudonym(id) : id
        unsafe send(key.span.bytes, index, output)
    }

    private func send(_ key: RawSpan, _ index: Int, _ output: any TaskOutput) {
        let partition = Partitioner.partition(key: key, count: partitionCounts[index])
        unsafe output.send(to: index, partition: partition, key: key, value: encoder.bytes.span.bytes)
    }

    // MARK: Modes

    /// The attributes of a record in binary mode, nil when it has none.
    private static func attributes(_ batch: RecordBatch, _ record: Int) -> [(CloudEventAttribute, [UInt8])]? {
        var found: [(CloudEventAttribute, [UInt8])] = []
        for (name, value) in batch.headers(record) {
            guard let value, let attribute = CloudEventAttribute(header: name) else { continue }
            found.append((attribute, value))
        }
        return found.isEmpty ? nil : found
    }

    /// Whether the first byte of the value that is not blank opens an array.
    private static func isArray(_ batch: RecordBatch, _ place: RecordBatch.Record) -> Bool {
        guard place.valueCount > 0 else { return false }
        for index in place.valueStart..<place.valueStart + place.valueCount {
            switch batch.bytes[index] {
            case 0x20, 0x09, 0x0a, 0x0d: continue
            case UInt8(ascii: "["): return true
            default: return false
            }
        }
        return false
    }
}
