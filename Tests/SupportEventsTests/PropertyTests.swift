import Foundation
import SupportEvents
import TestSupport
import Testing

/// A JSON value as text: keys sorted, numbers as Double, so that equal values have equal texts.
private func described(_ value: Any) -> String {
    switch value {
    case let text as String: "\"\(text)\""
    case let members as [String: Any]:
        "{" + members.keys.sorted().map { "\($0): \(described(members[$0] ?? ""))" }.joined(separator: ", ") + "}"
    case let elements as [Any]: "[" + elements.map { described($0) }.joined(separator: ", ") + "]"
    case let number as NSNumber: "\(number.doubleValue)"
    case is NSNull: "null"
    default: "\(value)"
    }
}

/// What must hold for every event.
@Suite struct PropertyTests {
    /// The decoder and Foundation's parser agree on random valid events of every type.
    @Test func canonicalEventsMeanWhatFoundationReads() throws {
        let seed = SeededGenerator.newSeed(#function)
        var generator = EventGenerator(seed: seed)
        let decoder = EventDecoder()
        var encoder = CanonicalEncoder(keepsComments: true)
        for round in 0..<60 {
            for type in ContractType.all {
                let event = generator.event(of: type)
                let decoded = decoder.decode(value: Array(event.json.utf8))
                let rejection = decoder.rejection(of: decoded)
                try #require(rejection == nil, "seed \(seed), round \(round): \(event.json)")
                #expect(decoded.type.name == event.type)
                encoder.encode(decoded, in: decoder)
                let canonical = try JSONSerialization.jsonObject(with: Data(encoder.bytes))
                try #require(
                    described(canonical) == described(event.expected), "seed \(seed), round \(round): \(event.json)")
            }
        }
    }

    @Test func decodingACanonicalEventGivesTheEvent() throws {
        let seed = SeededGenerator.newSeed(#function)
        var generator = EventGenerator(seed: seed)
        let (first, second) = (EventDecoder(), EventDecoder())
        var encoder = CanonicalEncoder(keepsComments: true)
        for _ in 0..<60 {
            for type in ContractType.all {
                let event = generator.event(of: type)
                let original = first.decode(value: Array(event.json.utf8))
                try #require(original.rejection == nil, "seed \(seed): \(event.json)")
                encoder.encode(original, in: first)
                let bytes = encoder.bytes
                let again = second.decode(value: bytes)
                try #require(again.rejection == nil, "seed \(seed): \(event.json)")
                #expect(EventContent(again, in: second) == EventContent(original, in: first), "seed \(seed)")
                #expect(again.identity == original.identity)
                #expect(again.entity.hash == original.entity.hash)
                #expect(again.entityKind == original.entityKind)
                encoder.encode(again, in: second)
                #expect(encoder.bytes == bytes, "seed \(seed): canonical encoding is not stable")
                // The value with strings of its own has the same encodings.
                let content = EventContent(original, in: first)
                encoder.encode(content, id: first.bytes(original.id), source: first.bytes(original.source))
                #expect(encoder.bytes == bytes, "seed \(seed)")
                encoder.encodeForConflict(original, in: first)
                let conflict = encoder.bytes
                encoder.encodeForConflict(content)
                #expect(encoder.bytes == conflict, "seed \(seed)")
            }
        }
    }

    /// Another writer's order of members, spaces and escapes change nothing that the decoder sees.
    @Test func orderAndSpaceAndEscapesMeanNothing() throws {
        let seed = SeededGenerator.newSeed(#function)
        var plain = EventGenerator(seed: seed)
        plain.isMessy = false
        let decoder = EventDecoder()
        var encoder = CanonicalEncoder(keepsComments: true)
        for type in ContractType.all {
            let event = plain.event(of: type)
            let tidy = decoder.decode(value: Array(event.json.utf8))
            try #require(tidy.rejection == nil, "seed \(seed): \(event.json)")
            encoder.encode(tidy, in: decoder)
            let expected = encoder.bytes
            // Foundation writes the same event with its own order, spaces and escapes.
            let object = try JSONSerialization.jsonObject(with: Data(expected))
            let pretty = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted])
            let messy = decoder.decode(value: Array(pretty))
            try #require(messy.rejection == nil, "seed \(seed): \(String(decoding: pretty, as: UTF8.self))")
            #expect(messy.identity == tidy.identity)
            #expect(messy.present == tidy.present)
        }
    }

    /// A batch gives the same events as one value at a time, whatever stands next to them.
    @Test func neighboursDoNotMatter() throws {
        let seed = SeededGenerator.newSeed(#function)
        var generator = EventGenerator(seed: seed)
        let (single, batch) = (EventDecoder(), EventDecoder())
        var encoder = CanonicalEncoder()
        var buffer: [UInt8] = []
        var values: [[UInt8]] = []
        batch.begin()
        for type in ContractType.all {
            var value = Array(generator.event(of: type).json.utf8)
            if generator.chance(20) { value.removeLast(Int.random(in: 1...value.count, using: &generator.random)) }
            batch.add(start: buffer.count, count: value.count)
            buffer += value
            values.append(value)
            if generator.chance(10) {
                batch.add(start: 0, count: -1)
                values.append([])
            }
        }
        batch.decode(buffer + Array(repeating: 0x22, count: 64))
        for (index, value) in values.enumerated() {
            let (together, alone) = (batch[index], single.decode(value: value))
            #expect(together.rejection == alone.rejection, "seed \(seed)")
            guard alone.rejection == nil else { continue }
            encoder.encode(together, in: batch)
            let bytes = encoder.bytes
            encoder.encode(alone, in: single)
            #expect(encoder.bytes == bytes, "seed \(seed)")
        }
    }
}
