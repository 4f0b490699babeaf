/// Why a row cannot become events.
package struct RowRejection: Error, Equatable, CustomStringConvertible {
    package var column: String?
    package var reason: String

    package var description: String { column.map { "\($0): \(reason)" } ?? reason }
}

/// A mapping applied to the columns of one file.
///
/// A row's events depend on its cells alone, not on its place in the file: the default event id is made of entity,
/// type, version (without one: a hash of the content) and time. So a shuffled or repeated file gives the same events.
package struct RowMapper {
    package enum Outcome: Equatable {
        case events([ReplayEvent])
        case skipped(reason: String)
    }

    private let mapping: Mapping
    private let columnCount: Int
    /// Of each template: what stands between the id and the instant.
    private let heads: [(type: [UInt8], update: [UInt8], tail: [UInt8])]
    private var data: [UInt8] = []
    private var scratch: [UInt8] = []

    /// Throws when the mapping names a column that `header` does not have, with the place in the mapping.
    package init(_ mapping: Mapping, header: [String]) throws(MappingError) {
        self.mapping = try mapping.resolved(against: header)
        columnCount = header.count
        var source: [UInt8] = Array(#","source":"#.utf8)
        source.appendJSONString(mapping.source)
        heads = mapping.templates.map { template in
            let name = template.type.name
            return (
                source + Array(#","type":"\#(name)","time":""#.utf8),
                source + Array(#","type":"support.ticket.updated","time":""#.utf8),
                Array(":\(name.split(separator: ".").dropFirst().joined(separator: ".")):".utf8)
            )
        }
    }

    /// The events of the row at which `reader` stands.
    package mutating func map(_ reader: DelimitedReader) throws(RowRejection) -> Outcome {
        let cells = RowCells(bytes: reader.bytes, fields: reader.fields, missing: mapping.missing)
        guard cells.fields.count == columnCount else {
            throw RowRejection(reason: "has \(cells.fields.count) fields, the header \(columnCount)")
        }
        for skip in mapping.skips where cells.hold(skip.when) { return .skipped(reason: skip.reason) }
        var events: [ReplayEvent] = []
        for (index, template) in mapping.templates.enumerated() where cells.hold(template.when) {
            events.append(try event(template, index, cells))
        }
        return events.isEmpty ? .skipped(reason: "no event applies") : .events(events)
    }

    private mutating func event(
        _ template: Mapping.Template, _ index: Int, _ cells: RowCells
    ) throws(RowRejection) -> ReplayEvent {
        guard let time = try cells.instant(template.time) else { throw template.time.absent("time") }
        var key: [UInt8] = []
        var hasStatus = !template.isSnapshot
        data.removeAll(keepingCapacity: true)
        data.append(UInt8(ascii: "{"))
        for (name, form, value) in template.members {
            let before = data.count
            data.appendMember(name)
            if try cells.append(value, form, member: name, to: &data) {
                if name == "status" { hasStatus = true }
                if name == template.type.entity { key = try cells.text(value, member: name) ?? [] }
            } else {
                data.removeLast(data.count - before)
                let mayBeAbsent = template.isSnapshot && name == "status" || !template.type.required.contains(name)
                guard mayBeAbsent else { throw value.absent(name) }
            }
        }
        if !hasStatus {
            // A state that does not say its status leaves it as it was; being a whole state, it clears what it does not have.
            data.removeLast(data.count - 1)
            for (name, form, value) in template.members where !["status", "created_at", "initiator"].contains(name) {
                data.appendMember(name)
                if try !cells.append(value, form, member: name, to: &data) { data.append(contentsOf: "null".utf8) }
            }
        }
        data.append(UInt8(ascii: "}"))

        var sequence: Int64?
        if let value = template.sequence { sequence = try cells.version(value) }
        try makeID(template, heads[index].tail, cells, key, sequence, time)
        var event: [UInt8] = []
        event.reserveCapacity(data.count + 256)
        event.append(contentsOf: #"{"specversion":"1.0","id":"#.utf8)
        event.appendJSONString(scratch[...])
        event.append(contentsOf: hasStatus ? heads[index].type : heads[index].update)
        appendRFC3339(time, to: &event)
        event.append(UInt8(ascii: "\""))
        if let sequence { event.append(contentsOf: #","sequence":\#(sequence)"#.utf8) }
        event.append(contentsOf: #","data":"#.utf8)
        event.append(contentsOf: data)
        event.append(UInt8(ascii: "}"))
        return ReplayEvent(key: key, value: event, time: time)
    }

    /// Leaves the event's id in `scratch`.
    private mutating func makeID(
        _ template: Mapping.Template, _ tail: [UInt8], _ cells: RowCells, _ key: [UInt8], _ sequence: Int64?,
        _ time: Int64
    ) throws(RowRejection) {
        if let value = template.id {
            guard let text = try cells.text(value, member: "id") else { throw value.absent("id") }
            scratch = text
            return
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: key)
        scratch.append(contentsOf: tail)
        scratch.append(contentsOf: (sequence.map { String($0) } ?? String(fnv1a(data), radix: 16)).utf8)
        scratch.append(UInt8(ascii: ":"))
        appendRFC3339(time, to: &scratch)
        // The contract's limit of an id.
        if scratch.count > 200 { scratch = Array(String(fnv1a(scratch), radix: 16).utf8) }
    }
}

extension [UInt8] {
    fileprivate mutating func appendMember(_ name: String) {
        if count > 1 { append(UInt8(ascii: ",")) }
        append(UInt8(ascii: "\""))
        append(contentsOf: name.utf8)
        append(UInt8(ascii: "\""))
        append(UInt8(ascii: ":"))
    }
}
