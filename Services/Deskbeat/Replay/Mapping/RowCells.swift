/// The cells of one row, and what a mapping's values and conditions make of them.
struct RowCells {
    let bytes: [UInt8]
    let fields: [Range<Int>]
    let missing: [[UInt8]]

    // MARK: - Cells

    /// Without blanks around it; nil when it is missing.
    private func cell(_ column: Mapping.Column, _ alsoMissing: [[UInt8]] = []) -> ArraySlice<UInt8>? {
        let field = fields[column.index]
        var start = field.lowerBound
        var end = field.upperBound
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        if start == end { return nil }
        let cell = bytes[start..<end]
        for text in missing where cell.elementsEqual(text) { return nil }
        for text in alsoMissing where cell.elementsEqual(text) { return nil }
        return cell
    }

    private func validCell(_ column: Mapping.Column, _ value: Mapping.Value) throws(RowRejection) -> ArraySlice<UInt8>?
    {
        guard let cell = cell(column, value.missing) else { return nil }
        if cell.contains(where: { $0 >= 0x80 }), String(validating: cell, as: UTF8.self) == nil {
            throw RowRejection(column: column.name, reason: "is not UTF-8 (set encoding: latin-1?)")
        }
        return cell
    }

    /// The pieces put together; nil when a column among them is missing.
    private func assembled(_ value: Mapping.Value) throws(RowRejection) -> ArraySlice<UInt8>? {
        switch value.origin {
        case .constant(let constant): return constant.text[...]
        case .pieces(let pieces):
            if pieces.count == 1, case .column(let column) = pieces[0] { return try validCell(column, value) }
            var text: ArraySlice<UInt8> = []
            for piece in pieces {
                switch piece {
                case .text(let literal): text += literal
                case .column(let column):
                    guard let cell = try validCell(column, value) else { return nil }
                    text += cell
                }
            }
            return text
        }
    }

    // MARK: - Values

    private enum Resolved {
        case absent
        case cell(ArraySlice<UInt8>)
        case constant(Mapping.Constant)
    }

    private func resolve(_ value: Mapping.Value, _ member: String) throws(RowRejection) -> Resolved {
        if case .constant(let constant) = value.origin { return .constant(.value(constant)) }
        guard let text = try assembled(value) else { return value.fallback.map { .constant($0) } ?? .absent }
        for (pattern, result) in value.map where pattern.matches(text) { return .constant(result) }
        if value.passes {
            guard let number = value.number else { return .cell(text) }
            var factors: [ArraySlice<UInt8>] = []
            for column in number.factors {
                guard let factor = cell(column, value.missing) else { return .absent }
                factors.append(factor)
            }
            guard let product = number.read(text, times: factors) else {
                throw value.bad(text, factors.isEmpty ? "is no number" : "or a factor of it is no number")
            }
            return .cell(product[...])
        }
        if let fallback = value.fallback { return .constant(fallback) }
        throw value.bad(text, "is not in the map of \(member), which has no default")
    }

    /// The value as text, map and default applied; nil when absent.
    func text(_ value: Mapping.Value, member: String) throws(RowRejection) -> [UInt8]? {
        switch try resolve(value, member) {
        case .absent, .constant(.null): nil
        case .cell(let text): Array(text)
        case .constant(.value(let constant)): constant.text
        }
    }

    func version(_ value: Mapping.Value) throws(RowRejection) -> Int64 {
        guard let text = try text(value, member: "version") else { throw value.absent("version") }
        guard let number = Int64(String(decoding: text, as: UTF8.self)) else {
            throw value.bad(text[...], "is no whole number")
        }
        return number
    }

    /// Appends the value as JSON; false, with nothing appended, when it is absent.
    func append(
        _ value: Mapping.Value, _ form: EventShape.Form, member: String, to json: inout [UInt8]
    ) throws(RowRejection) -> Bool {
        if form == .time {
            guard let time = try instant(value) else { return false }
            json.append(UInt8(ascii: "\""))
            appendRFC3339(time, to: &json)
            json.append(UInt8(ascii: "\""))
            return true
        }
        let text: ArraySlice<UInt8>
        switch try resolve(value, member) {
        case .absent, .constant(.null): return false
        case .constant(.value(let constant)):
            json.append(contentsOf: constant.json)
            return true
        case .cell(let cell): text = cell
        }
        switch form {
        case .number:
            guard json.appendJSONNumber(text) else { throw value.bad(text, "is no number") }
        case .boolean:
            guard let flag = readBoolean(text) else { throw value.bad(text, "is neither true nor false") }
            json.append(contentsOf: (flag ? "true" : "false").utf8)
        case .list:
            json.append(UInt8(ascii: "["))
            var isFirst = true
            for item in text.split(separator: value.separator ?? UInt8(ascii: ",")) {
                if !isFirst { json.append(UInt8(ascii: ",")) }
                isFirst = false
                let inner = item.drop { $0 == 0x20 }
                json.appendJSONString(inner.dropLast(inner.reversed().prefix { $0 == 0x20 }.count))
            }
            json.append(UInt8(ascii: "]"))
        case .text, .time: json.appendJSONString(text)
        }
        return true
    }

    // MARK: - Times

    /// Microseconds since 1970 UTC; nil when the cell is missing.
    func instant(_ value: Mapping.Value) throws(RowRejection) -> Int64? {
        guard let time = value.time, let text = try assembled(value) else { return nil }
        guard let reading = time.pattern.parse(text) else {
            throw value.bad(text, "is no time of the form \"\(time.pattern.text)\"")
        }
        var clock = reading.micros
        if time.moved != 0 {
            guard let moved = CivilTime(micros: clock).adding(months: time.moved).micros else {
                throw value.bad(text, "is out of range")
            }
            clock = moved
        }
        for shift in time.shifts where shift.unit == .months {
            let moved = CivilTime(micros: clock).adding(months: try amount(shift.column, 120_000) * shift.sign)
            guard let micros = moved.micros else { throw value.bad(text, "is out of range") }
            clock = micros
        }
        var instant = reading.offset.map { clock - Int64($0) * 1_000_000 } ?? time.zone.instant(clock)
        for earlier in time.notBefore {
            guard let bound = try self.instant(earlier), bound - instant > 12 * 3_600_000_000 else { continue }
            instant = reading.offset == nil ? time.zone.instant(clock + 86_400_000_000) : instant + 86_400_000_000
        }
        for shift in time.shifts where shift.unit != .months {
            let unit = shift.unit.micros
            // A hundred years: far beyond any table, and no overflow.
            instant += try amount(shift.column, 36_500 * 86_400_000_000 / unit) * unit * shift.sign
        }
        guard CivilTime.range.contains(instant) else { throw value.bad(text, "is out of range") }
        return instant
    }

    private func amount(_ column: Mapping.Column, _ limit: Int64) throws(RowRejection) -> Int64 {
        guard let cell = cell(column) else { return 0 }
        guard let amount = Int64(String(decoding: cell, as: UTF8.self)), (-limit...limit).contains(amount) else {
            throw RowRejection(column: column.name, reason: "\(quoted(cell)) is no whole number of that size")
        }
        return amount
    }

    // MARK: - Conditions

    /// Whether all conditions of one of the alternatives hold; true without any.
    func hold(_ alternatives: [[Mapping.Condition]]) -> Bool {
        if alternatives.isEmpty { return true }
        for conditions in alternatives where hold(all: conditions) { return true }
        return false
    }

    private func hold(all conditions: [Mapping.Condition]) -> Bool {
        for condition in conditions {
            let cell = cell(condition.column)
            let holds =
                switch condition.test {
                case .present(let present): (cell != nil) == present
                case .number(let bounds):
                    cell.flatMap { Double(String(decoding: $0, as: UTF8.self)) }.map { number in
                        number.isFinite && bounds.allSatisfy { $0.holds(number) }
                    } ?? false
                case .oneOf(let patterns): cell.map { cell in patterns.contains { $0.matches(cell) } } ?? false
                case .noneOf(let patterns): cell.map { cell in !patterns.contains { $0.matches(cell) } } ?? true
                }
            guard holds else { return false }
        }
        return true
    }
}

extension Mapping.Time.Unit {
    /// Not defined for months, which have no fixed length.
    fileprivate var micros: Int64 {
        switch self {
        case .milliseconds: 1_000
        case .seconds: 1_000_000
        case .minutes: 60_000_000
        case .hours: 3_600_000_000
        case .days: 86_400_000_000
        case .months: preconditionFailure("months have no fixed length")
        }
    }
}

extension Mapping.Value {
    /// The first column that the value comes from.
    private var columnName: String? {
        guard case .pieces(let pieces) = origin else { return nil }
        return pieces.lazy.compactMap { if case .column(let column) = $0 { column.name } else { nil } }.first
    }

    func absent(_ what: String) -> RowRejection {
        RowRejection(column: columnName, reason: "is missing, and \(what) is required")
    }

    func bad(_ text: ArraySlice<UInt8>, _ reason: String) -> RowRejection {
        RowRejection(column: columnName, reason: "\(quoted(text)) \(reason)")
    }
}

/// For messages: cut where it is long.
private func quoted(_ text: ArraySlice<UInt8>) -> String {
    let head = String(decoding: text.prefix(60), as: UTF8.self)
    return "\"\(head)\(text.count > 60 ? "…" : "")\""
}
