/// What one poll has delivered: the records of all partitions in one reusable arena.
///
/// The poll copies keys and values into `bytes`. That costs about 1 % of the time of processing them, and buys what
/// views into librdkafka's buffers cannot give: lifetimes that do not end in C, and padding behind the last value for
/// a decoder that reads in wide words. Headers are read from the message when somebody asks for them; it is held until the
/// batch is filled again. In steady state nothing is allocated: arrays keep their capacity.
public final class RecordBatch {
    /// Zero bytes that follow the last used byte, so that wide reads stay inside the buffer.
    public static let padding = 64

    public struct Record: Sendable {
        public var offset: Int64
        /// Milliseconds since 1970-01-01T00:00:00Z: append or create time, whichever the topic stores; -1 without.
        public var timestamp: Int64
        /// Where the key lies in `bytes`; a count of -1 is a null key.
        public var keyStart: Int
        public var keyCount: Int
        /// Where the value lies in `bytes`; a count of -1 is a null value (a tombstone).
        public var valueStart: Int
        public var valueCount: Int
        var headers: Headers
    }

    /// Where the headers of a record are.
    enum Headers: Sendable {
        /// In the batch's list of them.
        case copied(Range<Int>)
        /// In the message at this place of those that are held.
        case held(Int)
    }

    /// Consecutive records of one partition. A partition may have several runs in a batch; its offsets ascend.
    public struct Run: Sendable {
        public var topicPartition: TopicPartition
        /// Indices in `records`.
        public var records: Range<Int>
    }

    /// The consumer has reached the end of a partition (the last stable offset for `read_committed`).
    public struct PartitionEnd: Sendable {
        public var topicPartition: TopicPartition
        /// The next offset to be fetched: beyond control records, which no record ever shows.
        public var position: Int64
    }

    struct Header {
        var nameStart: Int
        var nameCount: Int
        var valueStart: Int
        /// -1 = null
        var valueCount: Int
    }

    public private(set) var records: [Record] = []
    public private(set) var runs: [Run] = []
    public private(set) var endsOfPartition: [PartitionEnd] = []
    /// Keys, values and headers; only the first `byteCount` bytes are in use, and `padding` zero bytes follow those.
    public private(set) var bytes: [UInt8]
    public private(set) var byteCount = 0
    private var headerList: [Header] = []
    var held = HeldMessages()

    /// - Parameters:
    ///   - recordCapacity: how many records fit before the first growth.
    ///   - byteCapacity: how many bytes of keys, values and headers fit before the first growth.
    public init(recordCapacity: Int = 0, byteCapacity: Int = 0) {
        bytes = [UInt8](repeating: 0, count: max(byteCapacity, 0) + Self.padding)
        records.reserveCapacity(max(recordCapacity, 0))
    }

    public var isEmpty: Bool { records.isEmpty && endsOfPartition.isEmpty }

    // MARK: Reading

    /// - Parameter index: of the record in `records`.
    @inlinable
    public func withKey<R, E: Error>(_ index: Int, _ body: (RawSpan?) throws(E) -> R) throws(E) -> R {
        let record = records[index]
        guard record.keyCount >= 0 else { return try body(nil) }
        let bytes = bytes
        let arena = bytes.span
        return unsafe try body(arena.bytes.extracting(record.keyStart..<record.keyStart + record.keyCount))
    }

    /// - Parameter index: of the record in `records`.
    @inlinable
    public func withValue<R, E: Error>(_ index: Int, _ body: (RawSpan?) throws(E) -> R) throws(E) -> R {
        let record = records[index]
        guard record.valueCount >= 0 else { return try body(nil) }
        let bytes = bytes
        let arena = bytes.span
        return unsafe try body(arena.bytes.extracting(record.valueStart..<record.valueStart + record.valueCount))
    }

    /// A copy of the key; nil for a null key.
    public func key(_ index: Int) -> [UInt8]? {
        let record = records[index]
        return record.keyCount < 0 ? nil : Array(bytes[record.keyStart..<record.keyStart + record.keyCount])
    }

    /// A copy of the value; nil for a tombstone.
    public func value(_ index: Int) -> [UInt8]? {
        let record = records[index]
        return record.valueCount < 0 ? nil : Array(bytes[record.valueStart..<record.valueStart + record.valueCount])
    }

    /// Copies of the record's headers, in their order; names may repeat.
    public func headers(_ index: Int) -> [(name: String, value: [UInt8]?)] {
        switch records[index].headers {
        case .copied(let positions):
            return positions.map { position in
                let header = headerList[position]
                let name = bytes[header.nameStart..<header.nameStart + header.nameCount]
                guard header.valueCount >= 0 else { return (String(decoding: name, as: UTF8.self), nil) }
                let value = bytes[header.valueStart..<header.valueStart + header.valueCount]
                return (String(decoding: name, as: UTF8.self), Array(value))
            }
        case .held(let place):
            var found: [(name: String, value: [UInt8]?)] = []
            unsafe held.forEachHeader(of: place) { name, value in
                unsafe found.append((String(decoding: name, as: UTF8.self), value.map { unsafe Array($0) }))
            }
            return found
        }
    }

    /// The partition of a record; a search over the runs, so not for use per record.
    public func topicPartition(of index: Int) -> TopicPartition? {
        runs.first { $0.records.contains(index) }?.topicPartition
    }

    // MARK: Filling

    /// Forgets the content, keeps the memory.
    package func removeAll() {
        records.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        endsOfPartition.removeAll(keepingCapacity: true)
        headerList.removeAll(keepingCapacity: true)
        held.removeAll()
        byteCount = 0
        seal()
    }

    /// Appends a record, as a poll does; for a client without librdkafka.
    package func append(
        _ topicPartition: TopicPartition, offset: Int64, timestamp: Int64, key: RawSpan?, value: RawSpan?,
        headers: [(name: String, value: [UInt8]?)] = []
    ) {
        if runs.last?.topicPartition != topicPartition { beginRun(topicPartition) }
        let (keyStart, keyCount) = copyOptional(key)
        let (valueStart, valueCount) = copyOptional(value)
        let firstHeader = headerList.count
        for header in headers {
            let (nameStart, nameCount) = unsafe copyOptional(header.name.utf8Span.span.bytes)
            let (start, count) = unsafe copyOptional(header.value?.span.bytes)
            headerList.append(
                Header(nameStart: nameStart, nameCount: nameCount, valueStart: start, valueCount: count))
        }
        appendRecord(
            Record(
                offset: offset, timestamp: timestamp, keyStart: keyStart, keyCount: keyCount, valueStart: valueStart,
                valueCount: valueCount, headers: .copied(firstHeader..<headerList.count)))
        seal()
    }

    /// Appends the end of a partition, as a poll does; for a client without librdkafka.
    package func appendEnd(_ topicPartition: TopicPartition, position: Int64) {
        endsOfPartition.append(PartitionEnd(topicPartition: topicPartition, position: position))
    }

    /// Gives back the memory that a backlog's polls have needed, where the present content takes less than a quarter of it and it
    /// is more than 64 KiB.
    package func giveBackUnused() {
        if bytes.count > 65_536, (byteCount + Self.padding) * 4 < bytes.count {
            bytes = Array(bytes[..<(byteCount + Self.padding)])
        }
        if records.capacity * MemoryLayout<Record>.stride > 65_536, records.count * 4 < records.capacity {
            // An array made of all of another one shares its memory.
            var kept: [Record] = []
            kept.append(contentsOf: records)
            records = kept
        }
    }

    func beginRun(_ topicPartition: TopicPartition) {
        endRun()
        runs.append(Run(topicPartition: topicPartition, records: records.count..<records.count))
    }

    /// The last run takes all records since it began.
    private func endRun() {
        guard let run = runs.last else { return }
        runs[runs.count - 1].records = run.records.lowerBound..<records.count
    }

    /// Adds the record to the last run.
    func appendRecord(_ record: Record) {
        records.append(record)
    }

    var headerCount: Int { headerList.count }

    func appendHeader(_ header: Header) {
        headerList.append(header)
    }

    func setHeaders(_ positions: Range<Int>, of index: Int) {
        records[index].headers = .copied(positions)
    }

    /// Copies bytes behind the ones in use, without the padding: ``seal()`` adds it once per fill.
    ///
    /// - Returns: where they lie.
    func copy(_ source: UnsafeRawBufferPointer) -> Int {
        let start = byteCount
        let end = start + source.count
        if end + Self.padding > bytes.count { grow(to: end) }
        if let base = source.baseAddress {
            unsafe bytes.withUnsafeMutableBytes { target in
                unsafe target.baseAddress?.advanced(by: start).copyMemory(from: base, byteCount: source.count)
            }
        }
        byteCount = end
        return start
    }

    /// Ends the last run, and zeroes the padding behind the bytes in use.
    func seal() {
        endRun()
        for index in byteCount..<byteCount + Self.padding { bytes[index] = 0 }
    }

    private func copyOptional(_ span: RawSpan?) -> (start: Int, count: Int) {
        guard let span else { return (byteCount, -1) }
        return (unsafe span.withUnsafeBytes { unsafe copy($0) }, span.byteCount)
    }

    /// Doubles, so that the number of growths stays logarithmic; all of it is initialized, for `bytes` is public.
    private func grow(to end: Int) {
        let wanted = max(end + Self.padding, bytes.count * 2)
        bytes.append(contentsOf: repeatElement(0, count: wanted - bytes.count))
    }
}
