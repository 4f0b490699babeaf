import ServiceKit
import Testing

@Suite struct AuditTests {
    @Test(arguments: [
        ("ticket/T-1/first_response/1/breached", "ticket/T-1/first_response/1/breached", false),
        ("ticket/T-1/first_response/1/breached-2", "ticket/T-1/first_response/1/breached", false),
        ("ticket/a/b/first_response~x/12/retracted-breached-3", "ticket/a/b/first_response~x/12/breached", true),
        ("ticket/T-1/resolution/1/warning-80", "ticket/T-1/resolution/1/warning-80", false),
        ("ticket/T-1/resolution/1/warning-62.5-2", "ticket/T-1/resolution/1/warning-62.5", false),
        ("ticket/T-1/resolution/1/level-1800-2", "ticket/T-1/resolution/1/level-1800", false),
        ("ticket/T-1/resolution/1/retracted-level--600", "ticket/T-1/resolution/1/level--600", true),
        ("ticket/T-1/resolution/1/retracted-level--600-2", "ticket/T-1/resolution/1/level--600", true),
    ])
    func aFactAndItsRetractionsHaveOneKey(_ key: String, _ expected: String, _ isRetraction: Bool) {
        let found = FactComparison.withoutOrdinal(key)
        #expect(found.key == expected)
        #expect(found.isRetraction == isRetraction)
    }

    @Test func numbersOfAnAlertStayAsTheyWereWritten() throws {
        let text = #"{"a": [1, -2.50, 1e3, null, true], "é\n\"\\": "\u00e9\ud83d\ude00/", "b": {}}"#
        let value = try #require(JSONValue(Array(text.utf8)))
        #expect(value["a"] == .array([.number("1"), .number("-2.50"), .number("1e3"), .null, .bool(true)]))
        #expect(value["é\n\"\\"]?.string == "é😀/")
        #expect(JSONValue(Array(value.text.utf8)) == value)
    }

    @Test(arguments: ["", "{", "{\"a\":}", "[1,]", "tru", "1 2", "\"\\ud83d\"", "{\"a\" 1}", "nul", "--1"])
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(JSONValue(Array(text.utf8)) == nil)
    }
}
