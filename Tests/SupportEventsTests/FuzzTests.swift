import Foundation
import SupportEvents
import TestSupport
import Testing

/// Hostile input: it is refused or understood, and never more than that.
@Suite struct FuzzTests {
    @Test func everyTruncationIsMalformed() {
        let decoder = EventDecoder()
        for line in LifeOfATicketTests.lines {
            let bytes = Array(line.utf8)
            for count in 0..<bytes.count {
                #expect(
                    decoder.decode(value: Array(bytes[..<count])).rejection == .malformedJSON,
                    "cut after \(count) bytes")
            }
            // Cut inside a batch: what follows belongs to the next value.
            decoder.begin()
            for count in 0...bytes.count { decoder.add(start: 0, count: count) }
            decoder.decode(bytes)
            let verdicts = (0..<decoder.count).map { decoder[$0].rejection }
            #expect(verdicts.dropLast().allSatisfy { $0 == .malformedJSON })
            #expect(verdicts.last == .some(nil))
        }
    }

    /// Mutated events: where Foundation refuses the JSON we refuse it too, and what we accept can be written and read.
    @Test func mutations() throws {
        let seed = SeededGenerator.newSeed(#function)
        var generator = EventGenerator(seed: seed)
        let (decoder, second) = (EventDecoder(), EventDecoder())
        var encoder = CanonicalEncoder(keepsComments: true)
        var accepted = 0
        var refused = 0
        let tokens =
            [
                "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "1e400", "-", "0", "\\u", "\\ud800", "\u{0}",
                " ",
                "\"id\":\"x\",", "\"data\":{},", "\"time\":5,",
            ].map { Array($0.utf8) } + [
                [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5], [0x80], [0xef, 0xbb, 0xbf],
            ]
        for round in 0..<6_000 {
            var bytes = Array(generator.event(of: generator.pick(ContractType.all)).json.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator.random) {
                let place = Int.random(in: 0..<bytes.count, using: &generator.random)
                switch Int.random(in: 0..<5, using: &generator.random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator.random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: generator.pick(tokens), at: place)
                case 3: bytes.replaceSubrange(place..<min(place + 4, bytes.count), with: generator.pick(tokens))
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator.random)
                }
                if bytes.isEmpty { bytes = [0x7b] }
            }
            let event = decoder.decode(value: bytes)
            if let reason = event.rejection {
                refused += 1
                #expect(reason != .tooLarge)
                continue
            }
            accepted += 1
            encoder.encode(event, in: decoder)
            let again = second.decode(value: encoder.bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            try #require(again.rejection == nil, "seed \(seed), round \(round): \(text)")
            #expect(EventContent(again, in: second) == EventContent(event, in: decoder), "seed \(seed): \(text)")
            let isJSON = Self.isJSON(bytes)
            #expect(isJSON, "seed \(seed), round \(round): Foundation refuses \(text)")
        }
        #expect(accepted > 100)
        #expect(refused > 100)
    }

    /// Whether Foundation agrees that this is JSON. It refuses numbers beyond the range of Double, which are valid JSON
    /// (as ids, or in members that nobody reads), so that it has no say where there may be one.
    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        if (try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])) != nil { return true }
        return String(decoding: bytes, as: UTF8.self).contains(/[0-9.][eE]\+?[0-9]{2,}|[0-9]{300,}/)
    }

    /// Bytes at random, and JSON structure at random.
    @Test func noise() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        let decoder = EventDecoder()
        let structure = Array("{}[],:\"\\ntrue019.-e \n".utf8)
        for round in 0..<20_000 {
            let count = Int.random(in: 0...150, using: &random)
            let bytes = (0..<count).map { _ in
                round % 2 == 0
                    ? UInt8.random(in: 0...255, using: &random)
                    : structure[Int.random(in: 0..<structure.count, using: &random)]
            }
            let event = decoder.decode(value: bytes)
            let isJSON = Self.isJSON(bytes)
            if event.rejection == .notCloudEvents {
                #expect(isJSON, "seed \(seed), round \(round): \(bytes)")
            } else {
                #expect(event.rejection == .malformedJSON, "seed \(seed), round \(round): \(bytes)")
            }
        }
    }
}
