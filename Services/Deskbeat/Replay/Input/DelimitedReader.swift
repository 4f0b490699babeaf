/// How a delimited file is written.
package struct DelimitedFormat: Sendable, Equatable {
    /// Between two fields; a tab for TSV.
    package var delimiter: UInt8
    /// Whether `"` encloses fields, as in RFC 4180.
    package var quotes: Bool
    /// The bytes are ISO 8859-1, not UTF-8.
    package var latin1: Bool
    /// Any run of blanks and tabs stands between two fields, so that none is empty; ``delimiter`` is a tab.
    package var blanks: Bool

    package init(
        delimiter: UInt8 = UInt8(ascii: ","), quotes: Bool = true, latin1: Bool = false, blanks: Bool = false
    ) {
        self.delimiter = delimiter
        self.quotes = quotes
        self.latin1 = latin1
        self.blanks = blanks
    }

    /// The other byte that separates fields.
    fileprivate var alternative: UInt8 { blanks ? UInt8(ascii: " ") : delimiter }

    fileprivate func isDelimiter(_ byte: UInt8) -> Bool { byte == delimiter || byte == alternative }
}

/// Rows of a CSV or TSV file: RFC 4180, and what is met besides: LF, CR or CRLF, blank lines, a `"`
/// inside an unquoted field (taken as it is).
///
/// The row read last is in `bytes` and `fields`; both are reused, so a row costs no allocation once the longest one has been seen.
package struct DelimitedReader {
    package enum Step: Equatable {
        case row
        /// The row cannot be read; `field` counts from 0. The next call goes on behind its line end.
        case rejected(field: Int, reason: String)
        case end
    }

    /// A row may not be larger, and a field not larger than a quarter of it: what exceeds that is no table of events.
    package static let rowLimit = 1_048_576
    package static let fieldLimit = rowLimit / 4
    package static let columnLimit = 4_096

    package private(set) var bytes: [UInt8] = []
    package private(set) var fields: [Range<Int>] = []
    /// The line on which the row begins, from 1 (a quoted field may hold line ends).
    package private(set) var line = 1

    private let source: ByteSource
    private let format: DelimitedFormat
    private var input: [UInt8] = []
    private var position = 0
    private var nextLine = 1
    private var afterReturn = false

    package init(_ source: ByteSource, format: DelimitedFormat) {
        self.source = source
        self.format = format
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// Reads the next row. Throws when the source fails, or when a row exceeds its limits.
    package mutating func next() throws(InputError) -> Step {
        repeat {
            bytes.removeAll(keepingCapacity: true)
            fields.removeAll(keepingCapacity: true)
            guard try skipLineFeed() else { return .end }
            line = nextLine
            if let reason = try readRow() { return .rejected(field: fields.count, reason: reason) }
        } while fields.count == 1 && fields[0].isEmpty
        return .row
    }

    /// The field as text, for headers and messages.
    package func text(_ field: Int) -> String { String(decoding: bytes[fields[field]], as: UTF8.self) }

    // MARK: - One row

    /// Nil when the row is whole, else why not; then the input stands behind the row's line end.
    private mutating func readRow() throws(InputError) -> String? {
        try skipBlanks()
        while true {
            let start = bytes.count
            if format.quotes, try peek() == Self.quote {
                position += 1
                if let reason = try readQuoted() { return reason }
            } else {
                try readUnquoted()
            }
            guard bytes.count - start <= Self.fieldLimit else { throw tooLarge("a field", Self.fieldLimit) }
            fields.append(start..<bytes.count)
            guard fields.count <= Self.columnLimit else {
                throw InputError("\(source.name), line \(line): more than \(Self.columnLimit) fields in a row")
            }
            guard let next = try peek() else { return nil }
            guard format.isDelimiter(next) else {
                try endLine()
                return nil
            }
            position += 1
            guard format.blanks else { continue }
            try skipBlanks()
            guard let first = try peek() else { return nil }
            if first == Self.lineFeed || first == Self.carriageReturn {
                try endLine()
                return nil
            }
        }
    }

    /// Only where blanks separate: those around fields are none.
    private mutating func skipBlanks() throws(InputError) {
        guard format.blanks else { return }
        while let byte = try peek(), format.isDelimiter(byte) { position += 1 }
    }

    /// Up to the delimiter or the line end, in runs.
    private mutating func readUnquoted() throws(InputError) {
        while try peek() != nil {
            var end = position
            // A copy of the reference: the loop then runs without a check for exclusive access at each byte.
            let input = self.input
            let (delimiter, alternative) = (format.delimiter, format.alternative)
            while end < input.count {
                let byte = input[end]
                if byte == delimiter || byte == alternative || byte == Self.lineFeed || byte == Self.carriageReturn {
                    break
                }
                end += 1
            }
            append(end)
            if end < input.count { return }
            try checkRow()
        }
    }

    /// What stands between the quotes, doubled ones undone; the input then stands at the delimiter or the line end.
    private mutating func readQuoted() throws(InputError) -> String? {
        while try peek() != nil {
            var end = position
            while end < input.count, input[end] != Self.quote {
                if input[end] == Self.lineFeed { nextLine += 1 }
                end += 1
            }
            append(end)
            try checkRow()
            guard end < input.count else { continue }
            position += 1
            guard let after = try peek() else { return nil }
            if after == Self.quote {
                bytes.append(Self.quote)
                position += 1
                continue
            }
            if isEnd(after) { return nil }
            try skipLine()
            return "text after the closing quote"
        }
        return "the quote that begins the field is never closed"
    }

    private mutating func append(_ end: Int) {
        if format.latin1 {
            for index in position..<end {
                let byte = input[index]
                if byte < 0x80 {
                    bytes.append(byte)
                } else {
                    bytes.append(0xC0 | byte >> 6)
                    bytes.append(0x80 | byte & 0x3F)
                }
            }
        } else {
            bytes.append(contentsOf: input[position..<end])
        }
        position = end
    }

    private func isEnd(_ byte: UInt8) -> Bool {
        format.isDelimiter(byte) || byte == Self.lineFeed || byte == Self.carriageReturn
    }

    // MARK: - Input

    private mutating func peek() throws(InputError) -> UInt8? {
        if position == input.count {
            input.removeAll(keepingCapacity: true)
            position = 0
            guard try source.read(into: &input) else { return nil }
        }
        return input[position]
    }

    /// Takes the CR or LF at which the input stands; the LF of a CRLF is taken with the next row, when it may have to be waited for.
    private mutating func endLine() throws(InputError) {
        afterReturn = try peek() == Self.carriageReturn
        position += 1
        nextLine += 1
    }

    /// False at the end of the input.
    private mutating func skipLineFeed() throws(InputError) -> Bool {
        if afterReturn, try peek() == Self.lineFeed { position += 1 }
        afterReturn = false
        return try peek() != nil
    }

    private mutating func skipLine() throws(InputError) {
        while let byte = try peek() {
            if byte == Self.lineFeed || byte == Self.carriageReturn { return try endLine() }
            position += 1
        }
    }

    private func checkRow() throws(InputError) {
        guard bytes.count <= Self.rowLimit else { throw tooLarge("a row", Self.rowLimit) }
    }

    private func tooLarge(_ what: String, _ limit: Int) -> InputError {
        InputError(
            "\(source.name), line \(line): \(what) is larger than \(limit) bytes; is a quote left open, or another delimiter used?"
        )
    }
}
