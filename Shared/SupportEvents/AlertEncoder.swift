/// Writes the CloudEvents of `support.alerts` into a reused buffer: the envelope here, the data by the caller.
///
///     encoder.begin(id: …, source: "deskbeat/ticketing", type: "deskbeat.kpi.updated", …)
///     encoder.json.beginObject()
///     …
///     encoder.json.endObject()
///     encoder.end()
///     output.send(encoder.json.bytes)
public struct AlertEncoder: Sendable {
    /// The writer, which stands at the value of `data` between `begin` and `end`.
    public var json: JSONWriter

    public init(capacity: Int = 4096) {
        json = JSONWriter(capacity: capacity)
    }

    /// Begins a record; what was written before is gone.
    /// - Parameters:
    ///   - id: hash of what makes the record unique.
    ///   - source: `deskbeat/<service>`.
    ///   - subject: the record key.
    ///   - time: when the fact holds, in microseconds since 1970.
    ///   - sequence: strictly increasing for one key, not negative.
    ///   - schema: URI of the type's JSON Schema.
    public mutating func begin(
        id: Hash128, source: String, type: String, subject: [UInt8], time: Int64, sequence: Int64, schema: String
    ) {
        precondition(sequence >= 0, "a sequence is not negative")
        json.clear()
        json.beginObject()
        json.key("specversion")
        json.value("1.0" as StaticString)
        json.key("id")
        json.value(hash: id)
        json.key("source")
        json.value(source)
        json.key("type")
        json.value(type)
        json.key("subject")
        json.value(subject)
        json.key("time")
        json.value(time: time)
        json.key("sequence")
        json.value(digitsOf: sequence)
        json.key("datacontenttype")
        json.value("application/json" as StaticString)
        json.key("dataschema")
        json.value(schema)
        json.key("data")
    }

    /// Ends the record, which is then `json.bytes`.
    public mutating func end() {
        json.endObject()
    }
}
