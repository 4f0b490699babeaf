public import SupportEvents

/// A kind of entity on a stage's input topic, and the member of `data` that holds its id.
public struct EntityName: Sendable {
    public var kind: EntityKind
    public var keyField: EventField

    public init(_ kind: EntityKind, _ keyField: EventField) {
        self.kind = kind
        self.keyField = keyField
    }
}

/// Several kinds of entity in one store, each with a name space of its own: a survey "7" is not a feedback "7".
///
/// The first kind's keys are its ids. The others' have two bytes in front, the first of which no id begins with, because
/// ids are valid UTF-8.
struct EntityNames {
    private static let mark: UInt8 = 0xff

    let names: [EntityName]

    /// Begins the key of what is left of an erased entity; no id and no other key begins with it.
    static let erased: UInt8 = 0xfe

    /// The key of what is left of the entity with a key: a hash, from which the id does not follow.
    static func erasedKey(of key: RawSpan) -> [UInt8] {
        var bytes = [erased]
        Hash128(key).write(into: &bytes)
        return bytes
    }

    /// The place of the event's kind among the names.
    func index(of kind: EntityKind) -> Int? { names.firstIndex { $0.kind == kind } }

    /// What stands before an id in the store; empty for the first kind.
    func prefix(_ index: Int) -> [UInt8] { index == 0 ? [] : [Self.mark, names[index].kind.rawValue] }

    /// Leaves the id of a key, nothing of one whose kind is none of this stage's.
    func reduceToID(_ key: inout [UInt8]) {
        guard key.first == Self.mark else { return }
        let isKnown = key.count > 2 && names.dropFirst().contains { $0.kind.rawValue == key[1] }
        key.removeSubrange(..<(isKnown ? 2 : key.count))
    }

    /// A key taken apart; nil when its kind is none of this stage's.
    func parse(_ key: [UInt8]) -> (name: EntityName, id: [UInt8])? {
        guard key.first == Self.mark else { return (names[0], key) }
        guard key.count > 2, let name = names.dropFirst().first(where: { $0.kind.rawValue == key[1] }) else {
            return nil
        }
        return (name, Array(key[2...]))
    }
}
