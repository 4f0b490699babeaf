/// The events of a file in portions, with what was left out and why.
package protocol EventReader: AnyObject {
    /// Appends the next portion; false when there is nothing left.
    func next(into batch: inout ReplayBatch) throws(InputError) -> Bool
    /// Share of the input that has been taken, 0 to 1; nil when its size is not known.
    var fraction: Double? { get }
}

/// One event, ready to be produced.
package struct ReplayEvent: Equatable, Sendable {
    /// The entity's id, nil when the event does not say it legibly.
    package var key: [UInt8]?
    /// A CloudEvent in JSON.
    package var value: [UInt8]
    /// When it happened, microseconds since 1970 UTC; nil when the event does not say it legibly.
    package var time: Int64?
    /// Where it comes from: rows count from 1 without the header, lines of the file from 1.
    package var row = 0
    package var line = 0

    package init(key: [UInt8]?, value: [UInt8], time: Int64?) {
        self.key = key
        self.value = value
        self.time = time
    }
}

/// What a portion of a file yields.
package struct ReplayBatch: Sendable {
    package struct RejectedRow: Sendable, Equatable {
        /// Rows count from 1 without the header, lines of the file from 1.
        package var row: Int
        package var line: Int
        package var column: String?
        package var reason: String

        package var description: String {
            let place = row == line ? "line \(line)" : "row \(row) (line \(line))"
            return column.map { "\(place), column \($0): \(reason)" } ?? "\(place): \(reason)"
        }
    }

    package var events: [ReplayEvent] = []
    package var rejected: [RejectedRow] = []
    package var skipped: [String: Int] = [:]
    /// Rows taken from the input, whatever became of them.
    package var rows = 0

    package init() {}
}

/// Rows of a table under a mapping.
package final class TableReader: EventReader {
    private let source: ByteSource
    private var reader: DelimitedReader
    private let header: [String]
    private var mapper: RowMapper
    private var row = 0

    /// Reads the header, unless the mapping names the columns.
    /// - Parameter format: as the mapping says it, else by the file's name.
    package init(_ source: ByteSource, _ mapping: Mapping, format: DelimitedFormat) throws {
        self.source = source
        var reader = DelimitedReader(source, format: format)
        if let columns = mapping.columns {
            header = columns
        } else {
            guard case .row = try reader.next() else { throw InputError("\(source.name): has no header row") }
            header = reader.fields.indices.map { reader.text($0) }
        }
        self.reader = reader
        mapper = try RowMapper(mapping, header: header)
    }

    package var fraction: Double? { source.fraction }

    package func next(into batch: inout ReplayBatch) throws(InputError) -> Bool {
        for _ in 0..<256 {
            switch try reader.next() {
            case .end: return false
            case .rejected(let field, let reason):
                row += 1
                let column = field < header.count ? header[field] : nil
                batch.rejected.append(.init(row: row, line: reader.line, column: column, reason: reason))
            case .row:
                row += 1
                do throws(RowRejection) {
                    switch try mapper.map(reader) {
                    case .skipped(let reason): batch.skipped[reason, default: 0] += 1
                    case .events(let events):
                        for var event in events {
                            (event.row, event.line) = (row, reader.line)
                            batch.events.append(event)
                        }
                    }
                } catch {
                    batch.rejected.append(
                        .init(row: row, line: reader.line, column: error.column, reason: error.reason))
                }
            }
            batch.rows += 1
        }
        return true
    }
}

/// One CloudEvent a line, sent as it is written.
package final class LinesReader: EventReader {
    private let source: ByteSource
    private let reader: LineReader
    private let iso: TimePattern

    package init(_ source: ByteSource) throws {
        self.source = source
        reader = LineReader(source)
        iso = try TimePattern("iso")
    }

    package var fraction: Double? { source.fraction }

    package func next(into batch: inout ReplayBatch) throws(InputError) -> Bool {
        for _ in 0..<256 {
            switch try reader.next() {
            case .end: return false
            case .tooLong: reject("is longer than 1 MiB", &batch)
            case .line(let range):
                if let envelope = EnvelopeScanner.scan(reader.bytes, range) {
                    let reading = envelope.time.flatMap { iso.parse(reader.bytes[$0]) }
                    var event = ReplayEvent(
                        key: envelope.key.map { Array(reader.bytes[$0]) }, value: Array(reader.bytes[range]),
                        time: reading.map { $0.micros - Int64($0.offset ?? 0) * 1_000_000 })
                    (event.row, event.line) = (reader.number, reader.number)
                    batch.events.append(event)
                } else {
                    reject("is no JSON object", &batch)
                }
            }
            batch.rows += 1
        }
        return true
    }

    private func reject(_ reason: String, _ batch: inout ReplayBatch) {
        batch.rejected.append(.init(row: reader.number, line: reader.number, column: nil, reason: reason))
    }
}

extension ByteSource {
    fileprivate var fraction: Double? { size.map { $0 == 0 ? 1 : Double(consumed) / Double($0) } }
}
