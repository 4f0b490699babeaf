import KPIs
import Streams
import SupportEvents

/// Which cells an entity counts in.
enum CellShape: Equatable {
    /// The overall cell and each breakdown in force of which the entity has all values, each with these dimensions besides,
    /// whose values it must have.
    case breakdowns(always: [Dimension])
    /// The overall cell and those of these breakdowns that are in force.
    case only([[Dimension]])
    /// The detail cell of `owner`, whose values it must have, by those of `detail` that it has.
    case details(of: [Dimension], by: [Dimension])

    /// Keeps apart in look-up tables what is asked for one entity after the other.
    fileprivate var salt: UInt64 {
        switch self {
        case .breakdowns(let always): UInt64(always.count) * 5
        case .only: 1
        case .details: 2
        }
    }
}

/// The cells that one contribution counts in, as small numbers.
///
/// A *cell* is a combination of dimension values with its series; the overall one has none. A *cell set* is the list of cells
/// of one entity's attributes under the breakdowns in force. Stored contributions name their set by its id, so that they
/// are retracted from the very cells that they were added to, whatever the breakdowns are by then. Sets and cells are part
/// of the state. Sets that no stored contribution names any more are looked for when there are many (``collect(_:)``); cells are
/// never forgotten: their number is bounded by that of the admitted values.
struct CellSets {
    /// Ids of sets that the changelog does not hold yet, ascending.
    private(set) var unsaved: [UInt32] = []
    private var savedWithCurrent = 0

    private let breakdowns: [[Dimension]]
    private let valuesPerDimension: Int
    /// Masks of the dimensions in the breakdowns.
    private let relevant: UInt32

    private(set) var cells = CellTable()

    /// Set id -> its cells.
    private(set) var sets: [[UInt32]] = []
    private var setIDs: [[UInt32]: UInt32] = [:]

    /// Ids that stand for no set.
    private var freeIDs: [UInt32] = []
    /// Ids of sets that turned out to be unused in the current transaction; they come back with its commit.
    private(set) var unused: [UInt32] = []
    private let fewest: Int
    /// From how many sets on it is worth while to look for unused ones.
    private var collectsFrom: Int

    /// Values of each dimension that have cells of their own.
    private var admitted: [Set<[UInt8]>]
    private(set) var refusedValues = 0

    /// Look-up from attributes to sets, transient: direct-mapped by the hash of the values.
    private var known = Array(repeating: Lookup(), count: 1 << 12)

    private struct Lookup {
        var values = DimensionValues()
        var shape = CellShape.breakdowns(always: [])
        /// `nil`: an empty place.
        var set: UInt32?
    }
    private var singles: [UInt64: UInt32] = [:]

    /// Further values than admitted count in the overall series and in this one.
    static let other = Array("~other".utf8)

    /// - Parameter fewest: fewer sets than these are never looked through.
    init(breakdowns: [[Dimension]], valuesPerDimension: Int = 1000, fewest: Int = 50_000) {
        self.fewest = fewest
        collectsFrom = fewest
        self.breakdowns = breakdowns
        relevant = breakdowns.joined().reduce(0) { $0 | $1.mask }
        self.valuesPerDimension = valuesPerDimension
        admitted = Array(repeating: [], count: Dimension.slots)
    }

    /// The set for an entity with these attributes: overall, and each breakdown of which it has all values.
    ///
    /// - Parameter shape: which cells there are.
    mutating func set(
        of values: DimensionValues, _ shape: CellShape = .breakdowns(always: []), labels: borrowing StringTable
    ) -> UInt32 {
        var values = values
        if case .breakdowns(let always) = shape {
            // Entities that differ elsewhere count in the same cells.
            values.keep(always.reduce(relevant) { $0 | $1.mask })
        }
        // Direct-mapped: a collision only costs the slow path.
        let place = Int(truncatingIfNeeded: values.hash ^ shape.salt) & (known.count - 1)
        if let set = known[place].set, known[place].values == values, known[place].shape == shape { return set }
        var list: [UInt32] = []
        switch shape {
        case .breakdowns(let always):
            addCells(of: always, values, labels, to: &list)
            for breakdown in breakdowns { addCells(of: always + breakdown, values, labels, to: &list) }
        case .only(let wanted):
            addCells(of: [], values, labels, to: &list)
            for breakdown in wanted where breakdowns.contains(breakdown) {
                addCells(of: breakdown, values, labels, to: &list)
            }
        case .details(let owner, let detail): addDetail(owner, detail, values, labels, to: &list)
        }
        let id = set(of: list)
        known[place] = Lookup(values: values, shape: shape, set: id)
        return id
    }

    private mutating func addDetail(
        _ owner: [Dimension], _ detail: [Dimension], _ values: DimensionValues, _ labels: borrowing StringTable,
        to list: inout [UInt32]
    ) {
        func pairs(_ dimensions: [Dimension]) -> [(name: String, value: String)] {
            dimensions.filter { values[$0] != 0 }.map {
                ($0.name, String(decoding: admit(labels.bytes(of: values[$0] - 1), to: $0), as: UTF8.self))
            }
        }
        let owning = pairs(owner)
        guard owning.count == owner.count else { return }
        list.append(cells.intern(CellKey(owning, detail: pairs(detail))))
    }

    /// The set of the one cell `dimension=value`.
    mutating func set(_ dimension: Dimension, _ value: UInt32, labels: borrowing StringTable) -> UInt32 {
        let key = UInt64(dimension.rawValue) << 32 | UInt64(value)
        if let id = singles[key] { return id }
        let text = admit(labels.bytes(of: value - 1), to: dimension)
        let id = set(of: [cells.intern(CellKey([(name: dimension.name, value: String(decoding: text, as: UTF8.self))]))]
        )
        singles[key] = id
        return id
    }

    private mutating func addCells(
        of breakdown: [Dimension], _ values: DimensionValues, _ labels: borrowing StringTable, to list: inout [UInt32]
    ) {
        var combinations: [[(name: String, value: String)]] = [[]]
        for dimension in breakdown {
            let ids = dimension == .tag ? values.tags : values[dimension] == 0 ? [] : [values[dimension]]
            if ids.isEmpty { return }
            var texts: [String] = []
            for id in ids {
                texts.append(String(decoding: admit(labels.bytes(of: id - 1), to: dimension), as: UTF8.self))
            }
            combinations = combinations.flatMap { head in texts.map { head + [(name: dimension.name, value: $0)] } }
        }
        for combination in combinations {
            let id = cells.intern(CellKey(combination))
            // Two refused tags meet in one cell, and count in it once.
            if !list.contains(id) { list.append(id) }
        }
    }

    private mutating func admit(_ value: [UInt8], to dimension: Dimension) -> [UInt8] {
        let index = Int(dimension.rawValue)
        if admitted[index].contains(value) { return value }
        if admitted[index].count >= valuesPerDimension {
            refusedValues += 1
            return Self.other
        }
        admitted[index].insert(value)
        return value
    }

    private mutating func set(of list: [UInt32]) -> UInt32 {
        if let id = setIDs[list] { return id }
        let id = freeIDs.popLast() ?? UInt32(sets.count)
        if Int(id) == sets.count { sets.append(list) } else { sets[Int(id)] = list }
        setIDs[list] = id
        unsaved.append(id)
        return id
    }

    // MARK: Collection

    var isWorthCollecting: Bool { sets.count - freeIDs.count >= collectsFrom }

    private func isSet(_ id: Int) -> Bool { setIDs[sets[id]] == UInt32(id) }

    /// Gives back the sets that nothing names any more, at the end of the current transaction.
    ///
    /// - Parameter isUsed: by id.
    mutating func collect(_ isUsed: [Bool]) {
        unused = sets.indices.filter { !isUsed[$0] && isSet($0) }.map { UInt32($0) }
        collectsFrom = max(fewest, 2 * (sets.count - freeIDs.count - unused.count))
    }

    /// Label ids lose their meaning.
    mutating func forgetLookups() {
        for place in known.indices { known[place].set = nil }
        singles.removeAll()
    }

    // MARK: Changelog

    /// The record of set `id`: its cells' keys.
    func encode(_ id: UInt32, into bytes: inout [UInt8]) {
        bytes.append(1)
        bytes.appendVarint(UInt64(sets[Int(id)].count))
        for cell in sets[Int(id)] { bytes.appendBytes(cells.key(of: cell)) }
    }

    /// Everything in ``unsaved`` has been written within the current transaction.
    mutating func saved() { savedWithCurrent = unsaved.count }

    mutating func commitSucceeded() {
        unsaved.removeFirst(savedWithCurrent)
        savedWithCurrent = 0
        guard !unused.isEmpty else { return }
        for id in unused {
            setIDs[sets[Int(id)]] = nil
            sets[Int(id)] = []
        }
        freeIDs += unused
        unused.removeAll()
        forgetLookups()
    }

    /// Sets of an aborted transaction stay known, and are written with the next one.
    mutating func rollBack() {
        savedWithCurrent = 0
        unused.removeAll()
    }

    /// Takes a deleted record of the changelog.
    mutating func restoreUnused(_ id: UInt32) {
        guard Int(id) < sets.count, isSet(Int(id)) else { return }
        setIDs[sets[Int(id)]] = nil
        sets[Int(id)] = []
    }

    /// All records have been taken: what is a gap now stays one.
    mutating func restoreCompleted() {
        freeIDs = sets.indices.filter { !isSet($0) }.map { UInt32($0) }
    }

    /// Takes a record of the changelog. Ids come in any order; gaps are filled by later records.
    mutating func restore(_ id: UInt32, _ reader: inout BinaryReader) throws(InternalRecordError) {
        guard try reader.byte() == 1 else { throw InternalRecordError("a cell set of an unknown format") }
        guard id < 1 << 24 else { throw InternalRecordError("cell set number \(id) is out of range") }
        var list: [UInt32] = []
        for _ in 0..<(try reader.count()) {
            let bytes = try reader.bytes()
            guard let key = CellKey(bytes: bytes) else { throw InternalRecordError("a cell set with an invalid cell") }
            for (name, value) in key.dimensions + (key.detail ?? []) {
                guard let dimension = Dimension(name: name) else { continue }
                if Array(value.utf8) != Self.other { admitted[Int(dimension.rawValue)].insert(Array(value.utf8)) }
            }
            list.append(cells.intern(key))
        }
        while sets.count <= Int(id) { sets.append([]) }
        restoreUnused(id)
        sets[Int(id)] = list
        setIDs[list] = id
    }
}
