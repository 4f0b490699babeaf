import BusinessTime
import ServiceKit

extension Mapping {
    /// Reads a mapping file. Whatever it does not know is an error with its place: a misspelt key must not pass as absent.
    package init(yaml: String) throws(MappingError) {
        let root: RulesNode?
        do {
            root = try RulesNode.compose(yaml, maximumBytes: 1 << 20, maximumNodes: 100_000)
        } catch {
            throw MappingError(
                place: Place(line: error.line, column: error.column), message: "\(error.reason); \(error.remedy)")
        }
        guard let root else { throw MappingError(place: Place(line: 1, column: 1), message: "the file is empty") }
        self = try MappingReader.read(root)
        fingerprint = fnv1a(yaml.utf8)
    }
}

extension MappingError {
    init(_ node: RulesNode, _ message: String) {
        place = Place(node)
        self.message = message
    }
}

extension Place {
    fileprivate init(_ node: RulesNode) { self.init(line: node.line, column: node.column) }
}

/// A YAML mapping whose keys are taken one by one; what is left over is unknown.
struct Entries {
    let node: RulesNode
    private var rest: [(key: RulesNode, value: RulesNode)]
    private var known: [String] = []

    init(_ node: RulesNode, _ what: String) throws(MappingError) {
        guard let entries = node.entries else {
            throw MappingError(node, "\(what) must be a mapping (key: value)")
        }
        self.node = node
        rest = entries.map { entry in
            let key = RulesNode(content: .scalar(entry.key, plain: true), line: entry.line, column: entry.column)
            return (key, entry.value)
        }
    }

    mutating func take(_ key: String) -> RulesNode? {
        known.append(key)
        guard let index = rest.firstIndex(where: { $0.key.scalar == key }) else { return nil }
        return rest.remove(at: index).value
    }

    mutating func require(_ key: String, _ what: String) throws(MappingError) -> RulesNode {
        guard let value = take(key) else { throw MappingError(node, "\(what) needs \"\(key):\"") }
        return value
    }

    /// Everything not taken yet, with its keys.
    mutating func takeAll() -> [(key: RulesNode, value: RulesNode)] {
        defer { rest = [] }
        return rest
    }

    func finish() throws(MappingError) {
        guard let first = rest.first else { return }
        let name = first.key.scalar ?? "?"
        throw MappingError(first.key, "unknown key \"\(name)\"\(suggestion(for: name, among: known))")
    }
}

private enum MappingReader {
    struct Defaults {
        var pattern: TimePattern
        var zone: LocalZone
        /// Months.
        var moved: Int64 = 0

        var time: Mapping.Time { Mapping.Time(pattern: pattern, zone: zone, moved: moved) }
    }

    static func read(_ root: RulesNode) throws(MappingError) -> Mapping {
        var entries = try Entries(root, "a mapping file")
        var mapping = Mapping(source: try string(entries.require("source", "a mapping file")))
        mapping.format = try format(&entries)
        if let header = entries.take("columns") { mapping.columns = try strings(header) }
        if let missing = entries.take("missing") { mapping.missing = try strings(missing).map { Array($0.utf8) } }
        let defaults = try self.defaults(entries.take("times"))
        for node in try list(entries.take("skip")) {
            var skip = try Entries(node, "an item of skip")
            mapping.skips.append(
                Mapping.Skip(
                    when: try conditions(skip.require("when", "an item of skip")),
                    reason: try string(skip.require("reason", "an item of skip"))))
            try skip.finish()
        }
        if let events = entries.take("events") {
            for node in try list(events) {
                var template = try Entries(node, "an item of events")
                mapping.templates.append(try self.template(&template, snapshots: false, defaults))
                try template.finish()
            }
            if let first = mapping.templates.isEmpty ? events : nil { throw MappingError(first, "events is empty") }
        } else {
            let snapshots = try boolean(entries.take("snapshots")) ?? false
            mapping.templates = [try template(&entries, snapshots: snapshots, defaults)]
        }
        try entries.finish()
        return mapping
    }

    private static func format(_ entries: inout Entries) throws(MappingError) -> DelimitedFormat? {
        let delimiter = entries.take("delimiter")
        let quotes = entries.take("quotes")
        let encoding = entries.take("encoding")
        guard delimiter != nil || quotes != nil || encoding != nil else { return nil }
        var format = DelimitedFormat()
        if let delimiter {
            let names: [String: Character] = ["comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "blanks": "\t"]
            let text = try string(delimiter)
            format.blanks = text == "blanks"
            guard let byte = names[text]?.asciiValue ?? (text.utf8.count == 1 ? text.utf8.first : nil),
                byte < 0x80, ![0x22, 0x0A, 0x0D].contains(byte)
            else {
                throw MappingError(delimiter, "delimiter is comma, tab, semicolon, pipe, blanks or one ASCII character")
            }
            format.delimiter = byte
            format.quotes = byte != UInt8(ascii: "\t")
        }
        if let value = try boolean(quotes) { format.quotes = value }
        if let encoding {
            switch try string(encoding).lowercased() {
            case "utf-8", "utf8": format.latin1 = false
            case "latin-1", "latin1", "iso-8859-1": format.latin1 = true
            default: throw MappingError(encoding, "encoding is utf-8 or latin-1")
            }
        }
        return format
    }

    private static func defaults(_ node: RulesNode?) throws(MappingError) -> Defaults {
        guard let iso = try? TimePattern("iso") else { preconditionFailure("iso is a time format") }
        var defaults = Defaults(pattern: iso, zone: .utc)
        guard let node else { return defaults }
        var entries = try Entries(node, "times")
        if let format = entries.take("format") { defaults.pattern = try pattern(format) }
        if let name = entries.take("zone") { defaults.zone = try zone(name) }
        if let node = entries.take("move") { defaults.moved = try months(node) }
        try entries.finish()
        return defaults
    }

    private static func template(
        _ entries: inout Entries, snapshots: Bool, _ defaults: Defaults
    ) throws(MappingError) -> Mapping.Template {
        let type: EventShape
        if let node = entries.take("type") {
            let name = try string(node)
            guard !snapshots else {
                throw MappingError(node, "snapshots: true has its own type; leave \"type:\" out")
            }
            guard let known = EventShape.named(name) else {
                throw MappingError(
                    node, "unknown event type \"\(name)\"\(suggestion(for: name, among: EventShape.names))")
            }
            type = known
        } else {
            guard snapshots, let known = EventShape.named("support.ticket.snapshot") else {
                throw MappingError(entries.node, "needs \"type:\", or \"snapshots: true\", or \"events:\"")
            }
            type = known
        }
        let when: [[Mapping.Condition]] = if let node = entries.take("when") { try conditions(node) } else { [] }
        var template = Mapping.Template(
            type: type, when: when,
            time: try value(entries.require("time", "an event"), .time, defaults), isSnapshot: snapshots)
        if let node = entries.take("id") { template.id = try value(node, .text, defaults) }
        if let node = entries.take("version") { template.sequence = try value(node, .number, defaults) }
        let dataNode = try entries.require("data", "an event")
        var data = try Entries(dataNode, "data")
        for (key, node) in data.takeAll() {
            let name = try string(key)
            guard let form = type.members[name] else {
                let known = type.members.keys.sorted()
                throw MappingError(key, "\(type.name) has no \"\(name)\"\(suggestion(for: name, among: known))")
            }
            template.members.append((name, form, try value(node, form, defaults)))
        }
        for name in type.required where !template.members.contains(where: { $0.name == name }) {
            throw MappingError(dataNode, "\(type.name) needs \"\(name)\" in its data")
        }
        return template
    }

    // MARK: - Values

    private static func value(
        _ node: RulesNode, _ form: EventShape.Form, _ defaults: Defaults
    ) throws(MappingError) -> Mapping.Value {
        if node.scalar != nil {
            var value = Mapping.Value(origin: try origin(text: node), place: Place(node))
            if form == .time { value.time = defaults.time }
            return value
        }
        var entries = try Entries(node, "a value")
        var value = Mapping.Value(origin: .pieces([]), place: Place(node))
        if let constant = entries.take("value") {
            guard form != .time else {
                throw MappingError(constant, "a constant time is written as \"template:\" and read in the time format")
            }
            value.origin = .constant(try text(constant, form))
        } else if let template = entries.take("template") {
            value.origin = .pieces(try pieces(template))
        } else {
            let column = try entries.require("column", "a value (or \"template:\" or \"value:\")")
            value.origin = .pieces([.column(Mapping.Column(name: try string(column), place: Place(column)))])
        }
        if let map = entries.take("map") {
            var pairs = try Entries(map, "map")
            for (key, result) in pairs.takeAll() {
                value.map.append((Mapping.Pattern(try string(key)), try constant(result, form)))
            }
        }
        if let node = entries.take("default") { value.fallback = try constant(node, form) }
        value.passes = try boolean(entries.take("pass")) ?? value.map.isEmpty
        if let node = entries.take("missing") { value.missing = try strings(node).map { Array($0.utf8) } }
        if let node = entries.take("split") {
            guard form == .list, let byte = try string(node).utf8.first, node.scalar?.utf8.count == 1 else {
                throw MappingError(node, "split is one character, and for lists only")
            }
            value.separator = byte
        }
        if form == .time { value.time = try time(&entries, defaults) }
        if form == .number || form == .text { value.number = try number(&entries) }
        try entries.finish()
        return value
    }

    private static func number(_ entries: inout Entries) throws(MappingError) -> CellNumber? {
        var number = CellNumber()
        var isUsed = false
        if let node = entries.take("strip") {
            number.strip = Array(try string(node).utf8)
            isUsed = true
        }
        if let node = entries.take("decimal") {
            guard [",", "."].contains(try string(node)) else { throw MappingError(node, "decimal is \",\" or \".\"") }
            number.decimalComma = try string(node) == ","
            isUsed = true
        }
        if let node = entries.take("multiply") {
            for name in try strings(node) { number.factors.append(Mapping.Column(name: name, place: Place(node))) }
            isUsed = true
        }
        if let node = entries.take("scale") {
            guard let scale = ExactDecimal(try string(node).utf8), scale.mantissa != 0 else {
                throw MappingError(node, "scale is a number other than 0, for example 0.01")
            }
            number.scale = scale
            isUsed = true
        }
        if let absolute = try boolean(entries.take("absolute")) {
            number.isAbsolute = absolute
            isUsed = true
        }
        return isUsed ? number : nil
    }

    private static func time(_ entries: inout Entries, _ defaults: Defaults) throws(MappingError) -> Mapping.Time {
        var time = defaults.time
        if let node = entries.take("format") { time.pattern = try pattern(node) }
        if let node = entries.take("zone") { time.zone = try zone(node) }
        for (key, sign) in [("plus", Int64(1)), ("minus", Int64(-1))] {
            guard let node = entries.take(key) else { continue }
            var shifts = try Entries(node, key)
            for (column, unit) in shifts.takeAll() {
                guard let known = Mapping.Time.Unit(rawValue: try string(unit)) else {
                    let names = Mapping.Time.Unit.allCases.map(\.rawValue).joined(separator: ", ")
                    throw MappingError(unit, "a unit is one of \(names)")
                }
                let name = Mapping.Column(name: try string(column), place: Place(column))
                time.shifts.append((name, known, sign))
            }
        }
        if let node = entries.take("not_before") { time.notBefore = [try value(node, .time, defaults)] }
        return time
    }

    /// `{years: 11}`, `{months: -3}`.
    private static func months(_ node: RulesNode) throws(MappingError) -> Int64 {
        var entries = try Entries(node, "move")
        var months: Int64 = 0
        for (unit, factor) in [("years", Int64(12)), ("months", 1)] {
            guard let amount = entries.take(unit) else { continue }
            guard let number = amount.scalar.flatMap({ Int64($0) }), (-1_000...1_000).contains(number) else {
                throw MappingError(amount, "\(unit) is a whole number from -1000 to 1000")
            }
            months += number * factor
        }
        try entries.finish()
        return months
    }

    private static func origin(text node: RulesNode) throws(MappingError) -> Mapping.Value.Origin {
        let text = try string(node)
        guard !text.contains("{") else { return .pieces(try pieces(node)) }
        return .pieces([.column(Mapping.Column(name: text, place: Place(node)))])
    }

    /// `{column}` and literal text; `{{` and `}}` are braces.
    private static func pieces(_ node: RulesNode) throws(MappingError) -> [Mapping.Value.Piece] {
        var pieces: [Mapping.Value.Piece] = []
        var literal = ""
        var rest = Substring(try string(node))
        while let next = rest.first {
            if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
                literal.append(next)
                rest = rest.dropFirst(2)
            } else if next == "{" {
                guard let end = rest.firstIndex(of: "}") else {
                    throw MappingError(node, "\"{\" without \"}\" in the template")
                }
                if !literal.isEmpty { pieces.append(.text(Array(literal.utf8))) }
                literal = ""
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                pieces.append(.column(Mapping.Column(name: name, place: Place(node))))
                rest = rest[rest.index(after: end)...]
            } else {
                literal.append(next)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { pieces.append(.text(Array(literal.utf8))) }
        return pieces
    }

    private static func constant(_ node: RulesNode, _ form: EventShape.Form) throws(MappingError) -> Mapping.Constant {
        if node.isNull { return .null }
        guard form != .time else { throw MappingError(node, "a time cannot be mapped to a constant") }
        return .value(try text(node, form))
    }

    private static func text(_ node: RulesNode, _ form: EventShape.Form) throws(MappingError) -> Mapping.Text {
        Mapping.Text(text: Array((node.scalar ?? "").utf8), json: try json(node, form))
    }

    private static func json(_ node: RulesNode, _ form: EventShape.Form) throws(MappingError) -> [UInt8] {
        var json: [UInt8] = []
        if form == .list {
            json.append(UInt8(ascii: "["))
            for item in try list(node) {
                if json.count > 1 { json.append(UInt8(ascii: ",")) }
                json += try self.json(item, item.isPlainNumber ? .number : .text)
            }
            json.append(UInt8(ascii: "]"))
            return json
        }
        let text = Array(try string(node).utf8)
        switch form {
        case .number:
            guard json.appendJSONNumber(text[...]) else { throw MappingError(node, "must be a number") }
        case .boolean:
            guard let value = readBoolean(text[...]) else { throw MappingError(node, "must be true or false") }
            json += value ? Array("true".utf8) : Array("false".utf8)
        case .text, .time, .list: json.appendJSONString(text[...])
        }
        return json
    }

    // MARK: - Conditions and scalars

    /// One set of conditions, or a list of alternative ones.
    private static func conditions(_ node: RulesNode) throws(MappingError) -> [[Mapping.Condition]] {
        guard let elements = node.elements else { return [try conditionSet(node)] }
        var alternatives: [[Mapping.Condition]] = []
        for item in elements { alternatives.append(try conditionSet(item)) }
        guard !alternatives.isEmpty else { throw MappingError(node, "when is an empty list") }
        return alternatives
    }

    private static func conditionSet(_ node: RulesNode) throws(MappingError) -> [Mapping.Condition] {
        var entries = try Entries(node, "when")
        var result: [Mapping.Condition] = []
        for (key, node) in entries.takeAll() {
            let column = Mapping.Column(name: try string(key), place: Place(key))
            let test: Mapping.Condition.Test
            if node.entries != nil {
                var test1 = try Entries(node, "a condition")
                let bounds = try bounds(&test1)
                if let not = test1.take("not") {
                    test = .noneOf(try strings(not).map(Mapping.Pattern.init))
                } else if !bounds.isEmpty {
                    test = .number(bounds)
                } else {
                    guard let present = try boolean(test1.take("present")) else {
                        throw MappingError(
                            node, "a condition is a text, a list of texts, {not: …}, {present: true} or {above: 0}")
                    }
                    test = .present(present)
                }
                try test1.finish()
            } else {
                test = .oneOf(try strings(node).map(Mapping.Pattern.init))
            }
            result.append(Mapping.Condition(column: column, test: test))
        }
        return result
    }

    private static func bounds(_ entries: inout Entries) throws(MappingError) -> [Mapping.Condition.Bound] {
        var bounds: [Mapping.Condition.Bound] = []
        for side in Mapping.Condition.Bound.Side.allCases {
            guard let node = entries.take(side.rawValue) else { continue }
            guard let limit = Double(try string(node)), limit.isFinite else {
                throw MappingError(node, "\(side.rawValue) needs a number")
            }
            bounds.append(Mapping.Condition.Bound(side: side, limit: limit))
        }
        return bounds
    }

    private static func pattern(_ node: RulesNode) throws(MappingError) -> TimePattern {
        do { return try TimePattern(string(node)) } catch let error as TimePattern.Malformed {
            throw MappingError(node, error.description)
        } catch let error as MappingError { throw error } catch { throw MappingError(node, "\(error)") }
    }

    private static func zone(_ node: RulesNode) throws(MappingError) -> LocalZone {
        let name = try string(node)
        do { return try LocalZone(name) } catch { throw MappingError(node, error.description) }
    }

    private static func string(_ node: RulesNode) throws(MappingError) -> String {
        guard let text = node.scalar else { throw MappingError(node, "must be a text") }
        return text
    }

    private static func list(_ node: RulesNode?) throws(MappingError) -> [RulesNode] {
        guard let node else { return [] }
        guard let elements = node.elements else { throw MappingError(node, "must be a list") }
        return elements
    }

    /// A list of texts, or one.
    private static func strings(_ node: RulesNode) throws(MappingError) -> [String] {
        if node.scalar != nil { return [try string(node)] }
        var result: [String] = []
        for item in try list(node) { result.append(try string(item)) }
        return result
    }

    private static func boolean(_ node: RulesNode?) throws(MappingError) -> Bool? {
        guard let node else { return nil }
        switch node.scalar?.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw MappingError(node, "must be true or false")
        }
    }
}

extension RulesNode {
    /// The text of a scalar as it stands there, null too; nil for anything else.
    fileprivate var scalar: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// Whether this is a number by YAML's rules, which quoted text never is.
    fileprivate var isPlainNumber: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        var json: [UInt8] = []
        return json.appendJSONNumber(Array(text.utf8)[...])
    }
}
