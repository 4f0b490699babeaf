public import KPIs
import Streams

/// What one entity adds to one measure, in one base bucket, in all cells of one set.
public struct Contribution: Hashable, Sendable {
    /// See `Measure`.
    public var measure: UInt16
    /// Kind of the base bucket.
    public var base: BaseBucket
    /// Id of the cell set.
    public var cells: UInt32
    /// Packed base bucket, 0 for gauges.
    public var bucket: Int64
    /// Milliseconds, +1 and -1 of a level, 1 or 0 of a proportion; 0 of a mere count.
    public var value: Int64
    /// The windows that it counts in: a number of the task's ``ScopeTable``, 0 for all of them.
    var scope: UInt16 = 0
}

/// A list of contributions and its packed form, in which the state keeps what it has emitted: some 8 bytes each.
struct ContributionList {
    var items: [Contribution] = []
    /// What the entity states to others, behind the contributions.
    var facts: [StatedFact] = []

    mutating func removeAll() {
        items.removeAll(keepingCapacity: true)
        facts.removeAll(keepingCapacity: true)
    }

    /// Stands before the contributions of a scope other than the one before it: no contribution begins so.
    private static let scopeMark: UInt8 = 7

    /// Contributions in the order given; of a scope other than 0, the scope stands before them.
    func encode(into bytes: inout [UInt8], _ scopes: ScopeTable) {
        var bucket: Int64 = 0
        var scope: UInt16 = 0
        for item in items {
            if item.scope != scope {
                scope = item.scope
                bytes.append(Self.scopeMark)
                for edge in [scopes[scope].since, scopes[scope].until] {
                    bytes.appendSignedVarint(edge.instant)
                    bytes.appendSignedVarint(edge.offset)
                }
            }
            bytes.appendVarint(UInt64(item.measure) << 2 | UInt64(item.base.rawValue))
            bytes.appendVarint(UInt64(item.cells))
            bytes.appendSignedVarint(item.bucket &- bucket)
            bytes.appendSignedVarint(item.value)
            bucket = item.bucket
        }
        guard !facts.isEmpty else { return }
        bytes.append(StatedFact.mark)
        for fact in facts { fact.encode(into: &bytes) }
    }

    mutating func decode(
        _ bytes: [UInt8], from start: Int = 0, _ scopes: inout ScopeTable
    ) throws(InternalRecordError) {
        removeAll()
        var scope: UInt16 = 0
        var reader = BinaryReader(bytes, at: start)
        var bucket: Int64 = 0
        while !reader.isAtEnd {
            let head = try reader.varint()
            if head == UInt64(StatedFact.mark) {
                while !reader.isAtEnd { facts.append(try StatedFact(&reader)) }
                return
            }
            if head == UInt64(Self.scopeMark) {
                scope = scopes.number(
                    of: WindowScope(
                        since: .init(try reader.signedVarint(), offset: try reader.signedVarint()),
                        until: .init(try reader.signedVarint(), offset: try reader.signedVarint())))
                continue
            }
            guard head >> 2 <= UInt64(UInt16.max), let base = BaseBucket(rawValue: UInt8(head & 3)) else {
                throw InternalRecordError("a contribution with a measure or base bucket out of range")
            }
            let cells = try reader.varint()
            guard cells <= UInt64(UInt32.max) else { throw InternalRecordError("a cell set out of range") }
            bucket &+= try reader.signedVarint()
            items.append(
                Contribution(
                    measure: UInt16(head >> 2), base: base, cells: UInt32(cells), bucket: bucket,
                    value: try reader.signedVarint(), scope: scope))
        }
    }
}

extension ContributionList {
    /// Sorts what stands from `start` on.
    fileprivate mutating func sort(from start: Int) {
        // A slice that is sorted in place is copied first, and most are short.
        guard items.count - start <= 32 else { return items[start...].sort(by: Contribution.isOrdered) }
        for next in start..<items.count {
            var place = next
            while place > start, Contribution.isOrdered(items[place], items[place - 1]) {
                items.swapAt(place, place - 1)
                place -= 1
            }
        }
    }
}

/// Calls `change` for what is in one list only: -1 for the old one's, +1 for the new one's. What both hold is passed over.
/// Sorts what follows the lists' common beginning.
func forEachDifference(
    from old: inout ContributionList, to new: inout ContributionList,
    _ change: (Contribution, Int64) throws(KPIError) -> Void
) throws(KPIError) {
    var common = 0
    let shorter = min(old.items.count, new.items.count)
    while common < shorter, old.items[common] == new.items[common] { common += 1 }
    old.sort(from: common)
    new.sort(from: common)
    var left = common
    var right = common
    while left < old.items.count || right < new.items.count {
        if right == new.items.count {
            try change(old.items[left], -1)
            left += 1
        } else if left == old.items.count {
            try change(new.items[right], 1)
            right += 1
        } else if old.items[left] == new.items[right] {
            left += 1
            right += 1
        } else if Contribution.isOrdered(old.items[left], new.items[right]) {
            try change(old.items[left], -1)
            left += 1
        } else {
            try change(new.items[right], 1)
            right += 1
        }
    }
}

extension Contribution {
    /// Any total order serves: it only has to bring equal ones together.
    static func isOrdered(_ left: Contribution, _ right: Contribution) -> Bool {
        if left.bucket != right.bucket { return left.bucket < right.bucket }
        if left.measure != right.measure { return left.measure < right.measure }
        if left.cells != right.cells { return left.cells < right.cells }
        if left.value != right.value { return left.value < right.value }
        if left.scope != right.scope { return left.scope < right.scope }
        return left.base.rawValue < right.base.rawValue
    }
}
