import Foundation
import SupportEvents
import TestSupport
import Testing

@Suite struct WriterTests {
    func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func structure() {
        let text = written { json in
            json.beginObject()
            json.key("a")
            json.value(1)
            json.key("b" as String)
            json.beginArray()
            json.value(Int64.min)
            json.value(true)
            json.null()
            json.beginObject()
            json.endObject()
            json.beginArray()
            json.endArray()
            json.json(Array("{\"x\":1}".utf8))
            json.endArray()
            json.key("c\"")
            json.value("é" as String)
            json.endObject()
        }
        #expect(text == #"{"a":1,"b":[-9223372036854775808,true,null,{},[],{"x":1}],"c\"":"é"}"#)
    }

    @Test func reuse() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.value(1)
        writer.clear()
        writer.value(2)
        #expect(writer.bytes == Array("2".utf8))
    }

    @Test func strings() throws {
        var all = String.UnicodeScalarView()
        for value in UInt32(0)...0x17f { if let scalar = Unicode.Scalar(value) { all.append(scalar) } }
        all.append(contentsOf: "\u{2028}\u{fffd}😀".unicodeScalars)
        let text = String(all)
        let json = written { $0.value(text) }
        let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8), options: [.fragmentsAllowed])
        #expect(parsed as? String == text)
        #expect(
            written { $0.value("\u{8}\t\n\u{c}\r\"\\/\u{1f}\u{7f}" as String) } == #""\b\t\n\f\r\"\\/\u001f"#
                + "\u{7f}\"")
        #expect(json == written { $0.value(Array(text.utf8)) })
    }

    @Test(
        arguments: [
            (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (1312.4, "1312.4"), (0.1, "0.1"), (0.639581, "0.639581"),
            (-12.5, "-12.5"),
            (1e21, "1e+21"), (1e-7, "1e-07"), (.leastNonzeroMagnitude, "5e-324"),
            (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
            (100000, "1e+05"), (123456, "123456"), (1.0 / 3, "0.3333333333333333"),
        ] as [(Double, String)])
    func doubles(_ value: Double, _ text: String) {
        #expect(written { $0.value(value) } == text)
    }

    @Test func doublesReadBackTheSame() throws {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = written { $0.value(value) }
            #expect(Double(text) == value, "seed \(seed): \(text)")
            #expect(text.count <= "\(value)".count + 2)
        }
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.001"), (10, "0.01"), (100, "0.1"), (1000, "1"), (1500, "1.5"), (-1, "-0.001"),
            (123_456_789, "123456.789"), (.max, "9223372036854775.807"), (.min, "-9223372036854775.808"),
            (60_050, "60.05"),
        ] as [(Int64, String)])
    func seconds(_ milliseconds: Int64, _ text: String) {
        #expect(written { $0.value(secondsFromMilliseconds: milliseconds) } == text)
    }

    // MARK: Times

    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00Z"), (-1, 0, "1969-12-31T23:59:59.999999Z"),
            (1_795_165_200_500_000, 0, "2026-11-20T09:00:00.5Z"),
            (1_795_165_200_000_000, 60, "2026-11-20T10:00:00+01:00"),
            (1_795_165_200_000_000, -210, "2026-11-20T05:30:00-03:30"),
            (951_782_400_000_000, 0, "2000-02-29T00:00:00Z"),
            (1_795_165_200_000_010, 845, "2026-11-20T23:05:00.00001+14:05"),
            (.max, 0, "9999-12-30T23:59:59.999999Z"), (.min, -60, "0000-01-01T23:00:00-01:00"),
        ] as [(Int64, Int, String)])
    func times(_ micros: Int64, _ offset: Int, _ text: String) {
        #expect(RFC3339.string(micros, offsetMinutes: offset) == text)
    }

    @Test func timesReadBackTheSame() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let micros = Int64.random(in: -62_167_132_800_000_000...253_402_214_399_999_999, using: &random)
            let offset = Int.random(in: -1439...1439, using: &random)
            #expect(RFC3339.parse(RFC3339.string(micros, offsetMinutes: offset)) == micros, "seed \(seed): \(micros)")
            #expect(RFC3339.parse(RFC3339.string(micros, fraction: .micros)) == micros)
            #expect(RFC3339.string(micros, fraction: .micros).utf8.count == 27)
            let cut = RFC3339.parse(RFC3339.string(micros, fraction: .none)) ?? 0
            #expect(micros - cut >= 0 && micros - cut < 1_000_000)
        }
    }

    // MARK: Ids

    @Test func percentEncoding() {
        var bytes: [UInt8] = []
        PercentEncoding.write("Az09-._~ /;=@#%ä", into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "Az09-._~%20%2F%3B%3D%40%23%25%C3%A4")
    }

    @Test func fnvVectors() {
        // Vectors of draft-eastlake-fnv, appendix C.
        for (text, hash) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x85944171f73967e8)]
            as [(String, UInt64)]
        {
            #expect(unsafe FNV1a.hash(Array(text.utf8).span.bytes) == hash)
        }
        let (source, id) = (Array("s".utf8), Array("7".utf8))
        #expect(FNV1a.identity(source: source, id: id) == FNV1a.identity("s", "7"))
    }

    /// The reference's own vectors (wyhash final version 4.2), and persisted: these values never change.
    @Test func keyHashVectors() {
        let vectors: [(String, UInt64)] = [
            ("", 0x9322_8a4d_e0ee_c5a2), ("a", 0xc5ba_c3db_1787_13c4), ("abc", 0xa97f_2f7b_1d9b_3314),
            ("message digest", 0x786d_1f1d_f380_1df4), ("abcdefghijklmnopqrstuvwxyz", 0xdca5_a813_8ad3_7c87),
        ]
        for (seed, (text, hash)) in vectors.enumerated() {
            #expect(KeyHash.hash(Array(text.utf8), seed: UInt64(seed)) == hash)
        }
    }

    /// One byte changed changes about half of the hash's bits, at every length.
    @Test func hashesSpread() {
        for count in 1...100 {
            var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let before = KeyHash.hash(bytes)
            for place in 0..<count {
                bytes[place] ^= 1
                let changed = (KeyHash.hash(bytes) ^ before).nonzeroBitCount
                #expect(changed > 8 && changed < 56)
                bytes[place] ^= 1
            }
        }
    }

    // MARK: Alerts

    @Test func alertEnvelope() throws {
        var encoder = AlertEncoder()
        let subject = Array("first_response_time/day;channel=email@2026-11-22".utf8)
        for round in 0..<2 {
            encoder.begin(
                id: Hash128(subject), source: "deskbeat/ticketing", type: "deskbeat.kpi.updated", subject: subject,
                time: 1_795_165_200_000_000, sequence: 41, schema: "https://deskbeat.example/schema/kpi-1.json")
            encoder.json.beginObject()
            encoder.json.key("value")
            encoder.json.value(1312.4)
            encoder.json.endObject()
            encoder.end()
            let json = try #require(
                JSONSerialization.jsonObject(with: Data(encoder.json.bytes)) as? [String: Any], "round \(round)")
            #expect(json["specversion"] as? String == "1.0")
            #expect(json["source"] as? String == "deskbeat/ticketing")
            #expect(json["type"] as? String == "deskbeat.kpi.updated")
            #expect(json["subject"] as? String == String(decoding: subject, as: UTF8.self))
            #expect(json["time"] as? String == "2026-11-20T09:00:00Z")
            #expect(json["sequence"] as? String == "41")
            #expect(json["datacontenttype"] as? String == "application/json")
            #expect(json["dataschema"] as? String == "https://deskbeat.example/schema/kpi-1.json")
            #expect((json["data"] as? [String: Double])?["value"] == 1312.4)
            let text = try #require(json["id"] as? String)
            #expect(text.count == 32 && text.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        }
    }

    // MARK: Request bodies

    @Test func splitting() throws {
        func split(_ text: String) throws -> [String] {
            let bytes = Array(text.utf8)
            return try EventSplitter.events(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(try split(#"{"a":[1,2]}"#) == [#"{"a":[1,2]}"#])
        #expect(try split(#" [ {"a":"],{"} ,{} ] "#) == [#"{"a":"],{"}"#, "{}"])
        #expect(try split("[]") == [])
        #expect(try split(#"[1,"x",null,[2]]"#) == ["1", #""x""#, "null", "[2]"])
        for broken in ["", "[", "[{}", "[{},]", "[{}]]", "{} {}", "[{} {}]", "[\"\\x\"]"] {
            #expect(throws: Rejection.self) { try split(broken) }
        }
        #expect(throws: Rejection(reason: .malformedJSON, offset: 4)) { try split("[{},]") }
    }
}
