import SLA
import ServiceKit
import Streams

/// What has been published of one ticket's promises: the part of its state that does not follow from its events.
struct PublishedFacts {
    /// One fact of one cycle, by kind.
    struct Entry: Equatable {
        /// The promise, with `~` and the variant.
        let promise: String
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

    private(set) var entries: [Entry] = []
    /// The clock at which the promises were last looked at.
    var clock = Int64.min

    private static let format: UInt8 = 1

    // MARK: Finding

    func index(of fact: SLAFact, _ promise: String) -> Int? {
        entries.firstIndex { $0.cycle == fact.cycle && $0.kind == fact.kind && $0.promise == promise }
    }

    /// The sequence of the cycle's next record: how many it has had.
    func sequence(_ promise: String, _ cycle: Int) -> Int {
        1
            + entries.reduce(0) { sum, entry in
                entry.promise == promise && entry.cycle == cycle ? sum + entry.publications + entry.retractions : sum
            }
    }

    // MARK: Changing

    /// Notes a publication, and gives its ordinal.
    mutating func published(_ fact: SLAFact, _ promise: String) -> Int {
        let index =
            index(of: fact, promise)
            ?? {
                entries.append(Entry(promise: promise, cycle: fact.cycle, kind: fact.kind, time: fact.time))
                return entries.count - 1
            }()
        entries[index].time = fact.time
        entries[index].isLive = true
        entries[index].publications += 1
        return entries[index].publications
    }

    /// Notes that a fact was wrong, and gives the ordinal of its retraction if it is one that is told.
    mutating func withdrawn(_ index: Int, isTold: Bool) -> Int {
        entries[index].isLive = false
        if isTold { entries[index].retractions += 1 }
        return entries[index].retractions
    }

    // MARK: Stored form

    init(_ bytes: [UInt8]) throws(InternalRecordError) {
        guard !bytes.isEmpty else { return }
        var reader = BinaryReader(bytes)
        guard try reader.byte() == Self.format else {
            throw InternalRecordError("published SLA facts of an unknown format: written by a newer version")
        }
        clock = try reader.signedVarint()
        while !reader.isAtEnd {
            let promise = String(decoding: try reader.bytes(), as: UTF8.self)
            let cycle = Int(truncatingIfNeeded: try reader.varint())
            let code = try reader.byte()
            let kind: SLAFact.Kind
            switch code & 7 {
            case 0: kind = .warning(Double(bitPattern: try reader.fixed64()))
            case 1: kind = .breached
            case 2: kind = .level(try reader.signedVarint())
            case 3: kind = .fulfilled
            case 4: kind = .cancelled
            default: throw InternalRecordError("a published SLA fact of the unknown kind \(code & 7)")
            }
            var entry = Entry(promise: promise, cycle: cycle, kind: kind, time: try reader.signedVarint())
            entry.publications = Int(truncatingIfNeeded: try reader.varint())
            entry.retractions = Int(truncatingIfNeeded: try reader.varint())
            entry.isLive = code & 8 != 0
            entries.append(entry)
        }
    }

    func encoded() -> [UInt8] {
        var bytes = [Self.format]
        bytes.appendSignedVarint(clock)
        for entry in entries {
            bytes.appendBytes(entry.promise.utf8)
            bytes.appendVarint(UInt64(entry.cycle))
            let live: UInt8 = entry.isLive ? 8 : 0
            switch entry.kind {
            case .warning(let percent):
                bytes.append(0 | live)
                bytes.appendFixed64(percent.bitPattern)
            case .breached: bytes.append(1 | live)
            case .level(let offset):
                bytes.append(2 | live)
                bytes.appendSignedVarint(offset)
            case .fulfilled: bytes.append(3 | live)
            case .cancelled: bytes.append(4 | live)
            }
            bytes.appendSignedVarint(entry.time)
            bytes.appendVarint(UInt64(entry.publications))
            bytes.appendVarint(UInt64(entry.retractions))
        }
        return bytes
    }
}
