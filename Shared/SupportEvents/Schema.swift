import CSimdjson

/// The contract's tables, read once from the decoder, which owns them.
struct Schema: Sendable {
    static let shared = Schema()

    /// By raw value of `EventType`.
    let typeNames: [String]
    /// Members of each type, by raw value, in the order of their names' bytes.
    let fields: [[EventField]]
    /// By raw value of `EventField`.
    let fieldNames: [String]
    /// `"name":`, by raw value of `EventField`.
    let fieldKeys: [[UInt8]]
    /// Required members of each type, as bits, by raw value.
    let required: [UInt64]

    private init() {
        func text(_ name: UnsafePointer<CChar>?) -> String {
            guard let name = unsafe name else { return "" }
            return unsafe String(cString: name)
        }
        let names = EventField.allCases.map { unsafe text(db_member_name($0.rawValue)) }
        let types = UInt8(0)...(EventType.allCases.map(\.rawValue).max() ?? 0)
        fieldNames = names
        fieldKeys = names.map { Array("\"\($0)\":".utf8) }
        typeNames = types.map { unsafe text(db_type_name($0)) }
        required = types.map { db_type_required($0) }
        fields = types.map { type in
            let members = db_type_members(type)
            return EventField.allCases.filter { members & $0.mask != 0 }
                .sorted { names[Int($0.rawValue)].utf8.lexicographicallyPrecedes(names[Int($1.rawValue)].utf8) }
        }
    }
}
