import Deskbeat
import Foundation
import Testing

@Suite struct DelimitedReaderTests {
    @Test(arguments: [1, 2, 3, 5, 4_096])
    func rfc4180(chunk: Int) throws {
        let text = "a,b,c\r\n1,\"two\",\r\n\"x,y\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n,,\r\n"
        #expect(
            try rows(text, chunk: chunk) == [
                .fields(["a", "b", "c"]), .fields(["1", "two", ""]), .fields(["x,y", "say \"hi\"", "two\r\nlines"]),
                .fields(["", "", ""]),
            ])
    }

    @Test(arguments: ["a,b\n1,2\n", "a,b\r1,2\r", "a,b\r\n1,2", "a,b\n1,2", "\u{FEFF}a,b\n\n\r\n1,2\n\n"])
    func lineEnds(text: String) throws {
        for chunk in [1, 2, 100] {
            #expect(try rows(text, chunk: chunk) == [.fields(["a", "b"]), .fields(["1", "2"])])
        }
    }

    @Test func badRowsAreRejectedAndTheNextOnesRead() throws {
        let text = "a,\"b\"c,d\n1,2\n\"open"
        #expect(
            try rows(text) == [
                .rejected(field: 1, reason: "text after the closing quote"), .fields(["1", "2"]),
                .rejected(field: 0, reason: "the quote that begins the field is never closed"),
            ])
        // A quote inside an unquoted field is text.
        #expect(try rows("6\" pipe,x\n") == [.fields(["6\" pipe", "x"])])
    }

    @Test func tabsWithoutQuotes() throws {
        let format = DelimitedFormat(delimiter: UInt8(ascii: "\t"), quotes: false)
        #expect(try rows("a\t\"b\tc\n", format) == [.fields(["a", "\"b", "c"])])
    }

    @Test(arguments: [1, 2, 3, 100]) func runsOfBlanks(chunk: Int) throws {
        let format = DelimitedFormat(delimiter: UInt8(ascii: "\t"), quotes: false, blanks: true)
        let text = "a\tb  c\n 1\t \t2 \"3 \t\r\n\n4\t5\t6 "
        #expect(
            try rows(text, format, chunk: chunk) == [
                .fields(["a", "b", "c"]), .fields(["1", "2", "\"3"]), .fields(["4", "5", "6"]),
            ])
    }

    @Test func latin1BecomesUTF8() throws {
        #expect(try rows([0x4D, 0xFC, 0x2C, 0xDF], DelimitedFormat(latin1: true)) == [.fields(["Mü", "ß"])])
    }

    @Test func linesAreThoseOfTheFile() throws {
        var reader = DelimitedReader(
            try ByteSource(bytes: Array("h\n\"a\n\nb\"\nlast\n".utf8), chunk: 3), format: DelimitedFormat())
        var lines: [Int] = []
        while try reader.next() == .row { lines.append(reader.line) }
        #expect(lines == [1, 2, 5])
    }

    @Test func sizesAreBounded() throws {
        let large = String(repeating: "x", count: DelimitedReader.fieldLimit + 1)
        #expect(throws: InputError.self) { try rows(large, chunk: 65_536) }
        let open = "\"" + String(repeating: "x\n", count: DelimitedReader.rowLimit)
        #expect(throws: InputError.self) { try rows(open, chunk: 65_536) }
        let wide = String(repeating: ",", count: DelimitedReader.columnLimit)
        #expect(throws: InputError.self) { try rows(wide, chunk: 65_536) }
    }

    /// What is written by the rules of RFC 4180 is read back, whatever the chunks; any bytes at all are read without a trap.
    @Test func fuzz() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let alphabet: [String] = ["a", "b", ",", "\"", "\n", "\r", "\r\n", "é", " ", ""]
        for _ in 0..<2_000 {
            var text = ""
            var expected: [ReadRow] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let fields = (0..<Int.random(in: 2...4, using: &random)).map { _ in
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? ""
                    }
                    .joined()
                }
                let written = fields.map { field in
                    let special = field.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
                    guard special || Bool.random(using: &random) else { return field }
                    return "\"" + field.replacing("\"", with: "\"\"") + "\""
                }
                text += written.joined(separator: ",") + (["\n", "\r\n"].randomElement(using: &random) ?? "\n")
                expected.append(.fields(fields))
            }
            let chunk = Int.random(in: 1...9, using: &random)
            #expect(try rows(text, chunk: chunk) == expected, "seed \(random.seed), text \(text.debugDescription)")

            let noise = (0..<40).map { _ in Array(",\"\n\rxy".utf8).randomElement(using: &random) ?? 0 }
            let whole = try rows(noise, chunk: 64)
            #expect(try rows(noise, chunk: chunk) == whole, "seed \(random.seed), noise \(noise)")
        }
    }
}

@Suite struct LineAndGzipTests {
    private func lines(_ bytes: [UInt8], chunk: Int, limit: Int = 100) throws -> [String] {
        let reader = LineReader(try ByteSource(bytes: bytes, chunk: chunk), limit: limit)
        var result: [String] = []
        while true {
            switch try reader.next() {
            case .line(let range):
                result.append("\(reader.number):" + String(decoding: reader.bytes[range], as: UTF8.self))
            case .tooLong: result.append("\(reader.number):too long")
            case .end: return result
            }
        }
    }

    @Test(arguments: [1, 2, 3, 64])
    func lines(chunk: Int) throws {
        let text = "\u{FEFF}{}\r\n\n  \nsecond\n" + String(repeating: "x", count: 300) + "\nlast"
        #expect(try lines(Array(text.utf8), chunk: chunk) == ["1:{}", "4:second", "5:too long", "6:last"])
    }

    /// `printf 'one\n' | gzip -n; printf 'two\n' | gzip -n`: two members in one file.
    private static let gzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0xcf, 0x4b, 0xe5, 0x02, 0x00, 0x82, 0x2d,
        0xfb,
        0x88, 0x04, 0x00, 0x00, 0x00, 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x2b, 0x29, 0xcf,
        0xe7,
        0x02, 0x00,
    ]

    @Test(arguments: [1, 2, 10, 1_000])
    func gzipIsInflated(chunk: Int) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "(printf 'one\\n' | gzip; seq 1 40000 | gzip)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = Array(try pipe.fileHandleForReading.readToEnd() ?? Data())
        process.waitUntilExit()
        let result = try lines(data, chunk: chunk)
        #expect(result.count == 40_001)
        #expect(result.first == "1:one")
        #expect(result.last == "40001:40000")
    }

    @Test func damagedGzipIsAnError() throws {
        #expect(throws: InputError.self) { try lines(Array(Self.gzip.dropLast(2)), chunk: 4) }
        var damaged = Self.gzip
        damaged[12] ^= 0xFF
        #expect(throws: InputError.self) { try lines(damaged, chunk: 4) }
    }
}
