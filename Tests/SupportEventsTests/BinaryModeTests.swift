import SupportEvents
import Testing

@Suite struct BinaryModeTests {
    let decoder = EventDecoder()
    static let attributes: [(CloudEventAttribute, String)] = [
        (.specversion, "1.0"), (.id, "91-3"), (.source, "https://acme.example/ä"),
        (.type, "support.ticket.status_changed"), (.time, "2026-11-20T09:12:30Z"), (.sequence, "1"), (.subject, "91"),
    ]

    func decode(_ data: String, changing change: (CloudEventAttribute, String?)? = nil) -> DecodedEvent {
        let attributes = Self.attributes.compactMap { attribute, value -> (CloudEventAttribute, [UInt8])? in
            let value = attribute == change?.0 ? change?.1 : value
            return value.map { (attribute, Array($0.utf8)) }
        }
        decoder.begin()
        decoder.add(start: 0, count: data.utf8.count, attributes: attributes)
        decoder.decode(Array(data.utf8))
        return decoder[0]
    }

    @Test func sameAsStructuredMode() {
        let binary = decode(#"{"ticket_id":"91","status":"pending","agent_id":"A-3"}"#)
        #expect(decoder.rejection(of: binary) == nil)
        var encoder = CanonicalEncoder()
        encoder.encode(binary, in: decoder)
        let bytes = encoder.bytes
        let structured = decoder.decode(
            value: Array(
                #"{"specversion":"1.0","id":"91-3","source":"https://acme.example/ä","type":"support.ticket.status_changed","time":"2026-11-20T09:12:30Z","sequence":1,"data":{"ticket_id":"91","status":"pending","agent_id":"A-3"}}"#
                    .utf8))
        encoder.encode(structured, in: decoder)
        #expect(encoder.bytes == bytes)
        #expect(structured.identity == binary.identity)
    }

    @Test func attributesAreChecked() {
        let data = #"{"ticket_id":"91","status":"pending"}"#
        let cases: [(CloudEventAttribute, String?, RejectionReason, String)] = [
            (.specversion, nil, .notCloudEvents, "/specversion"), (.id, nil, .missingField, "/id"),
            (.id, "", .invalidField, "/id"), (.time, "x", .invalidField, "/time"),
            (.type, "support.x", .unknownType, "/type"), (.sequence, "1.5", .invalidField, "/sequence"),
            (.subject, "92", .invalidField, "/subject"), (.source, "", .invalidField, "/source"),
        ]
        for (attribute, value, reason, pointer) in cases {
            let event = decode(data, changing: (attribute, value))
            #expect(decoder.rejection(of: event) == Rejection(reason: reason, pointer: pointer))
        }
    }

    /// Data cannot smuggle attributes in, nor end the event early.
    @Test(arguments: [
        #"{"ticket_id":"91","status":"open"},"id":"other""#, #"{"ticket_id":"91","status":"open"}}"#, "{", "", "nul",
        #"{"ticket_id":"91","status":"open"} {}"#,
    ])
    func brokenData(_ data: String) {
        let event = decode(data)
        #expect(event.rejection == (data.isEmpty ? .missingField : .malformedJSON))
    }

    @Test func backslashesInAttributesAreThemselves() {
        let event = decode(#"{"ticket_id":"91","status":"open"}"#, changing: (.id, #"a\"b\u0041"#))
        #expect(decoder.string(event.id) == #"a\"b\u0041"#)
    }

    @Test func attributesThatAreNotUTF8() {
        decoder.begin()
        let data = Array(#"{"ticket_id":"91","status":"open"}"#.utf8)
        decoder.add(start: 0, count: data.count, attributes: [(.specversion, Array("1.0".utf8)), (.id, [0xff])])
        decoder.decode(data)
        #expect(decoder.rejection(of: decoder[0]) == Rejection(reason: .invalidField, pointer: "/id"))
    }

    @Test func bothModesInOneBatch() {
        decoder.begin()
        let structured = created()
        let data = Array(#"{"ticket_id":"91","status":"open"}"#.utf8)
        decoder.add(start: 0, count: structured.count)
        decoder.add(
            start: structured.count, count: data.count,
            attributes: Self.attributes.map { ($0, Array($1.utf8)) })
        decoder.add(start: 0, count: structured.count)
        decoder.add(start: structured.count, count: data.count, attributes: [])
        decoder.decode(structured + data)
        #expect((0..<4).map { decoder[$0].rejection } == [nil, nil, nil, .notCloudEvents])
        #expect(decoder[1].type == .ticketStatusChanged)
        #expect(decoder.string(decoder[2].entity) == "T")
    }

    @Test func headers() {
        #expect(CloudEventAttribute(header: "ce_id") == .id)
        #expect(CloudEventAttribute(header: "CE-SpecVersion") == .specversion)
        #expect(CloudEventAttribute(header: "ce_traceparent") == nil)
        #expect(CloudEventAttribute(header: "content-type") == nil)
        #expect(CloudEventAttribute(header: "ce_") == nil)
        #expect(CloudEventAttribute(header: "") == nil)
    }
}
