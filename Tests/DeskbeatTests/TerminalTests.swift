import Deskbeat
import Testing

@Suite struct TerminalTests {
    @Test func tableColumnsAreAsWideAsTheirCells() {
        var table = Table([.init("name"), .init("lag", .right), .init("note")])
        table.add(["ingest", "1,024", ""])
        table.add([.init("é", .red), "7", "behind"])
        // Tests run without a terminal: no colour.
        #expect(
            table.lines(for: .output) == [
                "name      lag  note",
                "ingest  1,024",
                "é           7  behind",
            ])
    }

    @Test(arguments: [
        (0.0, "0 s"), (0.0004, "0 ms"), (0.85, "850 ms"), (0.9999, "1 s"), (42.46, "42.5 s"), (59.97, "1 min"),
        (1_312.4, "21 min 52 s"), (3_600, "1 h"), (11_100, "3 h 5 min"), (595_190, "6 d 21 h"), (-90, "-1 min 30 s"),
    ])
    func durations(seconds: Double, expected: String) { #expect(Humanise.duration(seconds: seconds) == expected) }

    @Test func figures() {
        #expect(Humanise.count(0) == "0")
        #expect(Humanise.count(-1_234_567) == "-1,234,567")
        #expect(Humanise.count(999) == "999")
        #expect(Humanise.percent(0.12345) == "12.3 %")
        #expect(Humanise.percent(1) == "100 %")
        #expect(Humanise.decimal(-0.04, 1) == "0")
        #expect(Humanise.decimal(1_234.5, 2) == "1,234.5")
        #expect(Humanise.bytes(512) == "512 B")
        #expect(Humanise.bytes(1_572_864) == "1.5 MiB")
        #expect(Humanise.duration(seconds: .infinity) == "?")
    }

    @Test func progressSaysShareRateAndRest() {
        #expect(
            Progress.text(fraction: 0.5, count: 1_000, noun: "events", elapsed: 2)
                == "████████████░░░░░░░░░░░░ 50 %  1,000 events  500/s  2 s left")
        #expect(Progress.text(fraction: nil, count: 3, noun: "rows", elapsed: 0.1) == "3 rows")
    }
}
