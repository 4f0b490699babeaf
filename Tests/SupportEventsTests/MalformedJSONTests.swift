import SupportEvents
import Testing

/// One ticket event around a fragment, for tests that vary one thing.
func created(_ more: String = "", id: String = "\"1\"", ticket: String = "\"T\"", time: String = "2026-01-01T00:00:00Z")
    -> [UInt8]
{
    Array(
        #"{"specversion":"1.0","id":\#(id),"source":"s","type":"support.ticket.created","time":"\#(time)","data":{"ticket_id":\#(ticket)\#(more)}}"#
            .utf8)
}

@Suite struct MalformedJSONTests {
    let decoder = EventDecoder()

    /// Values of a member that nobody reads: the grammar holds there too.
    @Test(arguments: [
        "tru", "nul", "falsee", "TRUE", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "1 2",
        "\"a\"b", "\"a\" \"b\"", "1\"a\"", "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"",
        "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\udc00\\ud800\"", "\"a\nb\"", "\"a\u{0}b\"",
        "\"\u{1f}\"", "[1,]", "[,1]", "[1 2]", "[", "]", "[1}", "{", "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{\"a\":1 \"b\":2}", "{,}", "{\"a\"::1}", "{\"a\":1]", "{\"\\q\":1}", "", "/* */ 1", "\u{b}1", "1,", ":",
    ])
    func grammar(_ value: String) {
        #expect(decoder.decode(value: created(#","x":\#(value)"#)).rejection == .malformedJSON)
        #expect(decoder.decode(value: created(#","x":[{"y":\#(value)}]"#)).rejection == .malformedJSON)
        #expect(decoder.decode(value: created(#","team":\#(value)"#)).rejection == .malformedJSON)
    }

    @Test(arguments: [
        "1e400", "-1e-400", "123456789012345678901234567890", "0.1000000000000000055511151231257827", "-0", "1E+2",
        "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"", "[]", "{}", "[[],{}]", "{\"\":{}}",
        "\"\u{7f}\"", "\" \u{2028} \"", "{\"a\":1,\"a\":2}",
    ])
    func unknownMembersMayHaveAnyValue(_ value: String) {
        #expect(decoder.decode(value: created(#","x":\#(value)"#)).rejection == nil)
    }

    @Test(arguments: ["", " ", "\n", "{", "}", "{}{}", "{} x", "[] []", "\u{feff}{}", "{\"a\":1}}"])
    func notOneText(_ value: String) {
        #expect(decoder.decode(value: Array(value.utf8)).rejection == .malformedJSON)
    }

    @Test(arguments: ["[]", "1", "\"a\"", "null", "[{}]", " true ", "{}", "{\"specversion\":1.0}"])
    func otherJSONIsNoCloudEvent(_ value: String) {
        #expect(decoder.decode(value: Array(value.utf8)).rejection == .notCloudEvents)
    }

    @Test func escapesInKeysAndValues() {
        let text =
            #"{"specversion":"\u0031.0","\u0069d":"a\"\\\/\b\f\n\r\t\u00e4\u20ac\ud83d\ude00","source":"\u0073","type":"support.ticket.\u0063reated","t\u0069me":"2026-01-01T00:00:00\u005a","data":{"ticket\u005fid":"\u0054","te\u0061m":"\u0041\u0042"}}"#
        let plain = decoder.decode(value: Array(text.utf8))
        #expect(decoder.rejection(of: plain) == nil)
        #expect(decoder.string(plain.id) == "a\"\\/\u{8}\u{c}\n\r\tä€😀")
        #expect(decoder.string(plain.source) == "s")
        #expect(plain.type == .ticketCreated)
        #expect(decoder.string(plain.entity) == "T")
        #expect(decoder.string(plain.team) == "ab")
        #expect(plain.identity == FNV1a.identity("s", "a\"\\/\u{8}\u{c}\n\r\tä€😀"))
    }

    @Test(
        arguments: [
            [0x80], [0xff], [0xc0, 0x80], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98],
            [0xf4, 0x90, 0x80, 0x80],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) {
        var value = created(#","x":"@""#)
        let place = value.firstIndex(of: UInt8(ascii: "@")) ?? 0
        value.replaceSubrange(place...place, with: bytes)
        #expect(decoder.decode(value: value).rejection == .malformedJSON)
        // Behind a block of 64 bytes too.
        value = created(#","x":"@\#(String(repeating: "y", count: 100))""#)
        value.replaceSubrange(place...place, with: bytes)
        #expect(decoder.decode(value: value).rejection == .malformedJSON)
    }

    @Test func nesting() {
        func nested(_ depth: Int) -> [UInt8] {
            let half = depth / 2
            return created(
                ",\"x\":" + String(repeating: "{\"a\":[", count: half) + "1" + String(repeating: "]}", count: half))
        }
        #expect(decoder.decode(value: nested(1024)).rejection == nil)
        #expect(decoder.decode(value: nested(1026)).rejection == .malformedJSON)
        #expect(decoder.decode(value: nested(60_000)).rejection == .malformedJSON)
        let open = Array(repeating: UInt8(ascii: "["), count: 200_000)
        #expect(decoder.decode(value: open).rejection == .malformedJSON)
        let values = created(",\"team\":" + String(repeating: "[", count: 100_000))
        #expect(decoder.decode(value: values).rejection == .malformedJSON)
    }

    @Test func tooLarge() {
        let limit = 256 * 1024
        let empty = created(#","x":"""#).count
        let most = created(#","x":"\#(String(repeating: "a", count: limit - empty))""#)
        #expect(most.count == limit)
        #expect(decoder.decode(value: most).rejection == nil)
        #expect(decoder.decode(value: most + [0x20]).rejection == .tooLarge)
        #expect(decoder.decode(value: Array(repeating: UInt8(ascii: "["), count: 10 << 20)).rejection == .tooLarge)
        var options = DecoderOptions()
        options.maximumBytes = 16 << 20
        let large = EventDecoder(options)
        let tenMegabytes = created(#","x":"\#(String(repeating: "ä", count: 5 << 20))""#)
        #expect(large.decode(value: tenMegabytes).rejection == nil)
    }

    @Test func whereTheGrammarBroke() {
        let event = decoder.decode(value: Array(#"{"specversion":"1.0", "id": tru}"#.utf8))
        #expect(decoder.rejection(of: event) == Rejection(reason: .malformedJSON, offset: 28))
    }

    @Test func recordsWithoutValue() {
        decoder.begin()
        decoder.add(start: 0, count: -1)
        decoder.add(start: 0, count: 0)
        decoder.decode([])
        #expect(decoder[0].rejection == .malformedJSON)
        #expect(decoder[1].rejection == .malformedJSON)
    }

    /// Of a name that comes twice the last one counts, as with every common parser.
    @Test func duplicateNames() {
        let event = decoder.decode(
            value: Array(
                #"{"specversion":"1.0","id":"0","id":"1","source":"s","type":"support.ticket.created","time":"2026-01-01T00:00:00Z","data":{"ticket_id":"A","team":"x","tier":"y"},"data":{"ticket_id":"B","ticket_id":"C","team":"z","team":null}}"#
                    .utf8))
        #expect(decoder.rejection(of: event) == nil)
        #expect(decoder.string(event.id) == "1")
        #expect(decoder.string(event.entity) == "C")
        #expect(!event.has(.team) && !event.has(.tier))
        let scalar = decoder.decode(
            value: Array(
                #"{"specversion":"1.0","id":"1","source":"s","type":"support.ticket.created","time":"2026-01-01T00:00:00Z","data":{"ticket_id":"A"},"data":5}"#
                    .utf8))
        #expect(decoder.rejection(of: scalar) == Rejection(reason: .missingField, pointer: "/data"))
    }
}

extension FNV1a {
    /// Identity of texts.
    static func identity(_ source: String, _ id: String) -> UInt64 {
        (Array(source.utf8) + [0] + Array(id.utf8)).reduce(start) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }
}
