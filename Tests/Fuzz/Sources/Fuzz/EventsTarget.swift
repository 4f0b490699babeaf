import SupportEvents

/// HTTP bodies and records: one event, and a batch. What is accepted can be written canonically, and reads back as itself.
final class EventsTarget: FuzzTarget {
    private let decoder = EventDecoder()
    private let second = EventDecoder()
    private var encoder = CanonicalEncoder(keepsComments: true)
    private let now: Int64 = 1_800_000_000_000_000

    func run(_ bytes: [UInt8]) {
        check([0..<bytes.count], of: bytes)
        if let places = try? EventSplitter.events(in: bytes) { check(places, of: bytes) }
    }

    private func check(_ places: [Range<Int>], of bytes: [UInt8]) {
        decoder.begin()
        for place in places.prefix(64) { decoder.add(start: place.lowerBound, count: place.count) }
        decoder.decode(bytes + [UInt8](repeating: 0, count: EventDecoder.padding), now: now)
        for index in 0..<decoder.count {
            let event = decoder[index]
            if let rejection = decoder.rejection(of: event) {
                precondition(!rejection.reason.identifier.isEmpty)
                continue
            }
            encoder.encode(event, in: decoder)
            let canonical = encoder.bytes
            let again = second.decode(value: canonical)
            precondition(again.rejection == nil, "what was written canonically is refused")
            precondition(again.identity == event.identity, "another identity after one round")
            encoder.encode(again, in: second)
            precondition(encoder.bytes == canonical, "the canonical form of the canonical form is another")
        }
    }
}
