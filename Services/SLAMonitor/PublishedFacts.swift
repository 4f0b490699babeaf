import SLA
import ServiceKit
import Streams

/// What has been published of one ticket's promises: the part of its state that does not follow from its events.
struct PublishedFacts {
    /// One fact of one cycle, by kind.
    struct Entry: Equatable {
        /// Place of the promise's name in ``promises``.
        let promise: Int
        let cycle: Int
        let kind: SLAFact.Kind
        /// When it holds, as last published.
        var time: Int64
        /// How often it has been published, and taken back.
        var publications = 0
        var retractions = 0
        /// Published, and not found to be wrong since.
        var isLive = false
    }

    /// Names of the promises that have facts, each with `~` and its variant.
    private(set) var promises: [String] = []
    private(set) var entries: [Entry] = []
    /// The clock at which the promises were last looked at.
    var clock = Int64.min

    // MARK: Finding

    func name(of entry: Entry) -> String { promises[entry.promise] }

    func index(of fact: SLAFact, _ promise: String) -> Int? {
        guard let promise = promises.firstIndex(of: promise) else { return nil }
        return entries.firstIndex { $0.cycle == fact.cycle && $0.promise == promise && $0.kind == fact.kind }
    }

    func isLive(_ fact: SLAFact, _ promise: String) -> Bool {
        index(of: fact, promise).map { entries[$0].isLive } ?? false
    }

    /// The sequence of the cycle's next record: how many it has had.
    func sequence(_ promise: String, _ cycle: Int) -> Int {
        guard let promise = promises.firstIndex(of: promise) else { return 1 }
        var sequence = 1
        for entry in entries where entry.promise == promise && entry.cycle == cycle {
            sequence += entry.publications + entry.retractions
        }
        return sequence
    }

    // MARK: Changing

    /// Notes a publication, and gives its ordinal.
    mutating func published(_ fact: SLAFact, _ promise: String) -> Int {
        let place = index(of: fact, promise) ?? insert(fact, promise)
        entries[place].time = fact.time
        entries[place].isLive = true
        entries[place].publications += 1
        return entries[place].publications
    }

    private mutating func insert(_ fact: SLAFact, _ promise: String) -> Int {
        if !promises.contains(promise) { promises.append(promise) }
        entries.append(
            Entry(
                promise: promises.firstIndex(of: promise) ?? 0, cycle: fact.cycle, kind: fact.kind, time: fact.time))
        return entries.count - 1
    }

    /// Notes that a fact was wrong, and gives the ordinal of its retraction if it is one that is told.
    mutating func withdrawn(_ index: Int, isTold: Bool) -> Int {
        entries[index].isLive = false
        if isTold { entries[index].retractions += 1 }
        return entries[index].retractions
    }
}

/// Its stored form: some 8 bytes for each fact.
extension PublishedFacts {
    private static let format: UInt8 = 3
    /// Spells every name out.
    private static let formerFormat: UInt8 = 2

    private enum Code {
        static let kind: UInt8 = 7
        static let isLive: UInt8 = 8
        /// Published once, and never taken back.
        static let isPlain: UInt8 = 16
    }

    init(_ bytes: [UInt8]) throws(InternalRecordError) {
        guard !bytes.isEmpty else { return }
        var reader = BinaryReader(bytes)
        let format = try reader.byte()
        guard format == Self.format || format == Self.formerFormat else {
            throw InternalRecordError("published SLA facts of an unknown format: written by another version")
        }
        clock = try reader.signedVarint()
        for _ in 0..<Int(try reader.byte()) {
            promises.append(
                format == Self.format
                    ? try PromiseName.decode(&reader) : String(decoding: try reader.bytes(), as: UTF8.self))
        }
        var time = clock
        while !reader.isAtEnd {
            let promise = Int(try reader.byte())
            guard promise < promises.count else { throw InternalRecordError("a fact of a promise without a name") }
            let cycle = Int(truncatingIfNeeded: try reader.varint())
            let code = try reader.byte()
            let kind: SLAFact.Kind
            switch code & Code.kind {
            case 0: kind = .warning(Double(bitPattern: try reader.fixed64()))
            case 1: kind = .breached
            case 2: kind = .level(try reader.signedVarint())
            case 3: kind = .fulfilled
            case 4: kind = .cancelled
            case 5: kind = .warning(Double(try reader.byte()))
            default: throw InternalRecordError("a published SLA fact of the unknown kind \(code & Code.kind)")
            }
            time &+= try reader.signedVarint()
            var entry = Entry(promise: promise, cycle: cycle, kind: kind, time: time)
            entry.isLive = code & Code.isLive != 0
            entry.publications = 1
            if code & Code.isPlain == 0 {
                entry.publications = Int(truncatingIfNeeded: try reader.varint())
                entry.retractions = Int(truncatingIfNeeded: try reader.varint())
            }
            entries.append(entry)
        }
    }

    func encoded() -> [UInt8] {
        var bytes = [Self.format]
        bytes.appendSignedVarint(clock)
        bytes.append(UInt8(promises.count))
        for promise in promises { PromiseName.encode(promise, to: &bytes) }
        var time = clock
        for entry in entries {
            bytes.append(UInt8(entry.promise))
            bytes.appendVarint(UInt64(entry.cycle))
            let isPlain = entry.publications == 1 && entry.retractions == 0
            let flags = (entry.isLive ? Code.isLive : 0) | (isPlain ? Code.isPlain : 0)
            switch entry.kind {
            case .warning(let percent):
                if let whole = UInt8(exactly: percent) {
                    bytes.append(5 | flags)
                    bytes.append(whole)
                } else {
                    bytes.append(0 | flags)
                    bytes.appendFixed64(percent.bitPattern)
                }
            case .breached: bytes.append(1 | flags)
            case .level(let offset):
                bytes.append(2 | flags)
                bytes.appendSignedVarint(offset)
            case .fulfilled: bytes.append(3 | flags)
            case .cancelled: bytes.append(4 | flags)
            }
            bytes.appendSignedVarint(entry.time &- time)
            time = entry.time
            if !isPlain {
                bytes.appendVarint(UInt64(entry.publications))
                bytes.appendVarint(UInt64(entry.retractions))
            }
        }
        return bytes
    }
}
