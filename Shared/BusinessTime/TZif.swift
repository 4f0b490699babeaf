/// The part of a TZif file (RFC 8536, version 2 or later) that local time needs: instants at which the offset changes.
struct TZif {
    /// UTC seconds, strictly ascending; `offsets[i]` holds from `transitions[i]` on.
    private(set) var transitions: [Int64] = []
    private(set) var offsets: [Int64] = []
    /// The offset before the first transition.
    let initialOffset: Int64

    /// The last year for which the footer's rule is written out; later instants have that year's last offset.
    private static let lastRuleYear: Int64 = 2_299

    enum Malformation: String, Error {
        case notTZif = "it does not begin with TZif"
        case versionOne = "it has the 32-bit format of version 1 only"
        case truncated = "it ends early"
        case leapSeconds = "it counts leap seconds, which event times never do"
        case counts = "its counts contradict each other"
        case order = "its transitions are out of order"
        case offset = "it has an offset of more than 26 hours"
        case footer = "its footer is no POSIX time-zone rule"
    }

    init(_ file: [UInt8]) throws(Malformation) {
        var reader = Reader(bytes: file)
        let first = try Header(&reader)
        guard first.version >= UInt8(ascii: "2") else { throw .versionOne }
        try reader.skip(first.bodyCount(timeSize: 4))
        let header = try Header(&reader)
        guard header.leapCount == 0 else { throw .leapSeconds }
        guard header.typeCount > 0, header.typeCount <= 256 else { throw .counts }

        var instants: [Int64] = []
        for _ in 0..<header.timeCount { instants.append(try reader.integer(8)) }
        let typeIndices = try reader.take(header.timeCount)
        var types: [Int64] = []
        for _ in 0..<header.typeCount {
            let offset = try reader.integer(4)
            guard abs(offset) <= 26 * TimeScale.secondsPerHour else { throw .offset }
            types.append(offset)
            try reader.skip(2)
        }
        try reader.skip(header.charCount + header.standardCount + header.utcCount)

        initialOffset = types[0]
        for (instant, type) in zip(instants, typeIndices) {
            guard Int(type) < types.count else { throw .counts }
            guard transitions.last.map({ $0 < instant }) ?? true else { throw .order }
            append(instant, types[Int(type)])
        }
        try extend(by: try reader.footer())
    }

    private mutating func append(_ instant: Int64, _ offset: Int64) {
        transitions.append(instant)
        offsets.append(offset)
    }

    /// Writes out the changes that the rule makes after the table's end.
    private mutating func extend(by footer: ArraySlice<UInt8>) throws(Malformation) {
        guard !footer.isEmpty else { return }
        guard let rule = PosixRule(footer) else { throw .footer }
        let end = max(transitions.last ?? Int64.min, -TimeScale.secondsPerDay * 366)
        if rule.daylight == nil, transitions.isEmpty {
            append(end, rule.standardOffset)
        }
        let firstYear = Int64(CivilDate(dayNumber: TimeScale.floorDivide(end, by: TimeScale.secondsPerDay)).year)
        guard firstYear <= TZif.lastRuleYear else { return }
        var changes: [(second: Int64, offset: Int64)] = []
        for year in firstYear...TZif.lastRuleYear { changes += rule.changes(in: year) }
        changes.sort { $0.second < $1.second }
        for change in changes where change.second > (transitions.last ?? end) {
            append(change.second, change.offset)
        }
    }

    private struct Header {
        let version: UInt8
        let utcCount, standardCount, leapCount, timeCount, typeCount, charCount: Int

        init(_ reader: inout Reader) throws(Malformation) {
            guard try reader.take(4).elementsEqual("TZif".utf8) else { throw .notTZif }
            version = try reader.take(1).first ?? 0
            try reader.skip(15)
            utcCount = try Header.count(&reader)
            standardCount = try Header.count(&reader)
            leapCount = try Header.count(&reader)
            timeCount = try Header.count(&reader)
            typeCount = try Header.count(&reader)
            charCount = try Header.count(&reader)
        }

        private static func count(_ reader: inout Reader) throws(Malformation) -> Int {
            let value = try reader.integer(4)
            // A count beyond the file's size is caught when its bytes are taken; this keeps the sums from overflowing.
            guard value >= 0, value <= 1 << 20 else { throw .counts }
            return Int(value)
        }

        func bodyCount(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + charCount + leapCount * (timeSize + 4) + standardCount
                + utcCount
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        mutating func take(_ count: Int) throws(Malformation) -> ArraySlice<UInt8> {
            guard count >= 0, bytes.count - position >= count else { throw .truncated }
            defer { position += count }
            return bytes[position..<position + count]
        }

        mutating func skip(_ count: Int) throws(Malformation) { _ = try take(count) }

        /// A signed big-endian integer of 4 or 8 bytes.
        mutating func integer(_ size: Int) throws(Malformation) -> Int64 {
            var value: UInt64 = 0
            for byte in try take(size) { value = value << 8 | UInt64(byte) }
            return size == 8 ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
        }

        mutating func footer() throws(Malformation) -> ArraySlice<UInt8> {
            let newline = UInt8(ascii: "\n")
            guard try take(1).first == newline else { throw .footer }
            guard let end = bytes[position...].firstIndex(of: newline) else { throw .footer }
            return bytes[position..<end]
        }
    }
}
