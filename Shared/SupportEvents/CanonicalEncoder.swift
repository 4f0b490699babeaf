import CSimdjson

/// Writes events in the one form that does not depend on how a source wrote them.
///
/// The canonical event, which ingest writes to the canonical topics, is a CloudEvent in structured JSON: compact,
/// members sorted by name, named members only, ids and labels as normalised strings, times in UTC with microseconds,
/// `sequence` as a number and left out when it is -1. Decoding it gives the event again.
///
/// The encoding for conflicts decides between two events of one identity: `{data, sequence, time, type}` in the same
/// form, `sequence` always there; the greater bytes count. (Identity is the same on both sides, so `id` and `source`
/// would not change the order.) Money and scores stay as they were given.
public struct CanonicalEncoder: Sendable {
    private var json: JSONWriter
    private let keepsComments: Bool
    private let schema = Schema.shared

    /// - Parameter keepsComments: whether canonical events keep `comment`.
    public init(keepsComments: Bool = false) {
        self.keepsComments = keepsComments
        json = JSONWriter(capacity: 4096)
    }

    /// What the last call has written.
    public var bytes: [UInt8] { json.bytes }

    // MARK: Canonical events

    /// Encodes an event of a decoder's batch, which must have been decoded without rejection, with the unknown members
    /// that the decoder was told to keep.
    public mutating func encode(_ event: DecodedEvent, in decoder: EventDecoder) {
        json.clear()
        json.beginObject()
        json.key("data")
        writeData(of: event, in: decoder, forConflict: false)
        json.key("id")
        json.value(event.id, in: decoder)
        writeSequence(event.sequence)
        json.key("source")
        json.value(event.source, in: decoder)
        writeEnd(time: event.time, type: event.type)
    }

    /// Encodes a content with its identity.
    public mutating func encode(_ content: EventContent, id: [UInt8], source: [UInt8]) {
        json.clear()
        json.beginObject()
        json.key("data")
        writeData(of: content, forConflict: false)
        json.key("id")
        json.value(id)
        writeSequence(content.sequence)
        json.key("source")
        json.value(source)
        writeEnd(time: content.time, type: content.type)
    }

    private mutating func writeSequence(_ sequence: Int64) {
        guard sequence != -1 else { return }
        json.key("sequence")
        json.value(sequence)
    }

    private mutating func writeEnd(time: Int64, type: EventType) {
        json.key("specversion")
        json.value("1.0" as StaticString)
        writeTimeAndType(time, type)
    }

    private mutating func writeTimeAndType(_ time: Int64, _ type: EventType) {
        json.key("time")
        json.value(time: time, fraction: .micros)
        json.key("type")
        json.value(schema.typeNames[Int(type.rawValue)])
        json.endObject()
    }

    // MARK: Conflicts

    /// The encoding by which events of one identity are compared.
    public mutating func encodeForConflict(_ event: DecodedEvent, in decoder: EventDecoder) {
        json.clear()
        json.beginObject()
        json.key("data")
        writeData(of: event, in: decoder, forConflict: true)
        json.key("sequence")
        json.value(event.sequence)
        writeTimeAndType(event.time, event.type)
    }

    /// The encoding by which events of one identity are compared.
    public mutating func encodeForConflict(_ content: EventContent) {
        json.clear()
        json.beginObject()
        json.key("data")
        writeData(of: content, forConflict: true)
        json.key("sequence")
        json.value(content.sequence)
        writeTimeAndType(content.time, content.type)
    }

    /// Whether the first of two encodings for conflicts is the one that counts.
    public static func isGreater(_ first: [UInt8], than second: [UInt8]) -> Bool {
        second.lexicographicallyPrecedes(first)
    }

    // MARK: Data

    private mutating func writeData(of event: DecodedEvent, in decoder: EventDecoder, forConflict: Bool) {
        json.beginObject()
        var extra = 0
        let extras = forConflict ? 0 : Int(event.raw.extra_count)
        for field in schema.fields[Int(event.type.rawValue)] {
            guard (event.present | event.null) & field.mask != 0 else { continue }
            if field == .comment, !keepsComments, !forConflict { continue }
            while extra < extras, precedes(extra, of: event, field, in: decoder) {
                writeExtra(extra, of: event, in: decoder)
                extra += 1
            }
            json.prepared(key: schema.fieldKeys[Int(field.rawValue)])
            if event.has(field) {
                write(event.form(of: field), of: event, in: decoder)
            } else {
                json.null()
            }
        }
        while extra < extras {
            writeExtra(extra, of: event, in: decoder)
            extra += 1
        }
        json.endObject()
    }

    private mutating func write(_ form: EventForm, of event: DecodedEvent, in decoder: EventDecoder) {
        switch form {
        case .text(let text): json.value(text, in: decoder)
        case .name(let name): json.value(name)
        case .tags:
            json.beginArray()
            for index in 0..<event.tagCount { json.value(decoder.tag(index, of: event), in: decoder) }
            json.endArray()
        case .bool(let bool): json.value(bool)
        case .integer(let integer): json.value(integer)
        case .number(let text): decoder.withText(text) { json.json($0) }
        case .range(let low, let high):
            json.beginArray()
            decoder.withText(low) { json.json($0) }
            decoder.withText(high) { json.json($0) }
            json.endArray()
        case .milliseconds(let milliseconds): json.value(secondsFromMilliseconds: milliseconds)
        case .time(let time): json.value(time: time, fraction: .micros)
        case .reference(let source, let id):
            json.beginObject()
            json.key("id")
            json.value(id, in: decoder)
            json.key("source")
            json.value(source, in: decoder)
            json.endObject()
        }
    }

    private func precedes(_ index: Int, of event: DecodedEvent, _ field: EventField, in decoder: EventDecoder) -> Bool {
        decoder.bytes(decoder.extra(index, of: event).name)
            .lexicographicallyPrecedes(schema.fieldNames[Int(field.rawValue)].utf8)
    }

    private mutating func writeExtra(_ index: Int, of event: DecodedEvent, in decoder: EventDecoder) {
        let extra = decoder.extra(index, of: event)
        decoder.withText(extra.name) { json.key($0) }
        decoder.withText(extra.json) { json.json($0) }
    }

    private mutating func writeData(of content: EventContent, forConflict: Bool) {
        json.beginObject()
        for field in schema.fields[Int(content.type.rawValue)] {
            guard let value = content[field] else { continue }
            if field == .comment, !keepsComments, !forConflict { continue }
            json.prepared(key: schema.fieldKeys[Int(field.rawValue)])
            write(value)
        }
        json.endObject()
    }

    private mutating func write(_ value: EventContent.Value) {
        switch value {
        case .null: json.null()
        case .text(let text): json.value(text)
        case .texts(let texts):
            json.beginArray()
            for text in texts { json.value(text) }
            json.endArray()
        case .bool(let bool): json.value(bool)
        case .integer(let integer): json.value(integer)
        case .number(let number): json.json(number)
        case .range(let low, let high):
            json.beginArray()
            json.json(low)
            json.json(high)
            json.endArray()
        case .milliseconds(let milliseconds): json.value(secondsFromMilliseconds: milliseconds)
        case .time(let time): json.value(time: time, fraction: .micros)
        case .reference(let source, let id):
            json.beginObject()
            json.key("id")
            json.value(id)
            json.key("source")
            json.value(source)
            json.endObject()
        }
    }
}
