/// A member of an alert, and what it must say.
struct ExpectedMember {
    let name: String
    let value: Expectation

    init(_ name: String, _ value: Expectation) {
        self.name = name
        self.value = value
    }
}

/// What a member of an alert must say.
indirect enum Expectation {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Bit for bit.
    case number(Double)
    /// To 10^-9, for what several operations in floating point lead to.
    case close(Double)
    /// To 1 %, for quantiles.
    case within(Double)
    case text(String)
    case texts([String])
    case json(JSONValue)
    case members([ExpectedMember])
    case list([Expectation])
    /// Objects in any order, by the text of one of their members.
    case objects(by: String, [String: Expectation])

    /// The first member that says something else: its path, what it says, what it should say.
    func difference(
        from published: JSONValue?, path: String
    ) -> (path: String, published: String, expected: String)? {
        if case .members(let members) = self {
            guard case .object = published else { return (path, published?.text ?? "nothing", "an object") }
            for member in members {
                let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
                if let found = member.value.difference(from: published?[member.name], path: inner) { return found }
            }
            return nil
        }
        if case .list(let elements) = self, case .array(let given) = published, given.count == elements.count {
            for (index, element) in elements.enumerated() {
                if let found = element.difference(from: given[index], path: "\(path)[\(index)]") { return found }
            }
            return nil
        }
        if case .objects(let name, let objects) = self, case .array(let given) = published,
            given.count == objects.count
        {
            for object in given {
                let id = object[name]?.string ?? ""
                guard let wanted = objects[id] else { return ("\(path)[\(id)]", object.text, "nothing") }
                if let found = wanted.difference(from: object, path: "\(path)[\(id)]") { return found }
            }
            return nil
        }
        return isMet(by: published) ? nil : (path, published?.text ?? "nothing", text)
    }

    private func isMet(by published: JSONValue?) -> Bool {
        guard let published else { return false }
        switch self {
        case .null: return published == .null
        case .bool(let value): return published.bool == value
        case .integer(let value): return published.integer == value || published.double == Double(value)
        case .number(let value): return published.double == value
        case .close(let value):
            guard let number = published.double else { return false }
            return abs(number - value) <= 1e-9 * max(1e-3, abs(value))
        case .within(let value):
            guard let number = published.double else { return false }
            return abs(number - value) <= 0.01 * abs(value) * (1 + 1e-12)
        case .text(let value): return published.string == value
        case .json(let value): return published == value
        case .texts(let values): return published == .array(values.map { .string($0) })
        case .members, .list, .objects: return false
        }
    }

    private var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value), .close(let value): "\(value)"
        case .within(let value): "\(value) (1 %)"
        case .text(let value): JSONValue.string(value).text
        case .json(let value): value.text
        case .texts(let values): JSONValue.array(values.map { .string($0) }).text
        case .members: "an object"
        case .list(let elements): "\(elements.count) elements"
        case .objects(_, let objects): "\(objects.count) objects: \(objects.keys.sorted().joined(separator: ", "))"
        }
    }
}
