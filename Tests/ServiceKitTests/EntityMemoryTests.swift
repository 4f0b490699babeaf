import ServiceKit
import TestSupport
import Testing

/// What entities keep their memory in, against models of it.
@Suite struct EntityMemoryTests {
    private static let fields: [EventPayload.Field] = [.agent, .channel, .priority, .category, .team, .tags]

    /// Payloads as tickets and surveys have them: with and without sequence and customer, a few attributes, sometimes a text.
    private static func payload(_ random: inout SeededGenerator) -> (bytes: [UInt8], hasSequence: Bool) {
        var payload = EventPayload()
        let hasSequence = Int.random(in: 0..<3, using: &random) == 0
        payload.begin(sequence: hasSequence ? Int64.random(in: 0..<1_000, using: &random) : nil)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: payload.appendNull(.customer)
        case 1: break
        default: payload.append(.customer, Array("customer-\(Int.random(in: 0..<50, using: &random))".utf8))
        }
        for field in fields where Int.random(in: 0..<3, using: &random) > 0 {
            if Int.random(in: 0..<8, using: &random) == 0 {
                payload.appendNull(field)
            } else {
                payload.append(field, Array("value \(field) \(Int.random(in: 0..<3, using: &random))".utf8))
            }
        }
        if Int.random(in: 0..<10, using: &random) == 0 { payload.append(.comment, Array("not again".utf8)) }
        return (payload.bytes, hasSequence)
    }

    @Test func payloadsComeBackAsTheyWere() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        let table = PayloadTable()
        var held: [(id: UInt32, bytes: [UInt8], hasSequence: Bool)] = []
        for round in 0..<20_000 {
            if round % 4_000 < 2_500 || held.isEmpty {
                let (bytes, hasSequence) = Self.payload(&random)
                held.append((table.retain(bytes, hasSequence: hasSequence), bytes, hasSequence))
            } else {
                let gone = held.takeOut(Int.random(in: 0..<held.count, using: &random))
                table.release(gone.id)
            }
            if round % 300 == 0 { table.tidy() }
            guard round % 1_000 == 999 else { continue }
            var ids: [[UInt8]: UInt32] = [:]
            for item in held {
                let event = TimelineEvent(
                    time: 0, identity: 0, payload: item.id, type: 0, hasSequence: item.hasSequence)
                var loaded = EventPayload()
                table.load(event, into: &loaded)
                #expect(loaded.bytes == item.bytes, "seed \(seed), round \(round)")
                // Events are compared by the ids of their payloads.
                let key = item.bytes + [item.hasSequence ? 1 : 0]
                #expect(ids.updateValue(item.id, forKey: key) ?? item.id == item.id, "seed \(seed), round \(round)")
            }
        }
        for item in held { table.release(item.id) }
        #expect(table.count == 0, "seed \(seed)")
    }

    @Test func attributesThatComeAgainAreKeptOnce() {
        let table = PayloadTable()
        var payload = EventPayload()
        for customer in 0..<10_000 {
            payload.begin(sequence: nil)
            payload.append(.customer, Array("\(customer)".utf8))
            payload.append(.category, Array(repeating: UInt8(ascii: "a"), count: 200))
            _ = table.retain(payload.bytes, hasSequence: false)
        }
        #expect(table.count == 10_001)
    }

    @Test func timersComeInTheirOrder() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        var heap = TimerHeap()
        var instants: [UInt32: Int64] = [:]
        var now: Int64 = 0
        var cleanings = 0
        for round in 0..<50_000 {
            let entity = UInt32.random(in: 0..<200, using: &random)
            let instant = now + Int64.random(in: 1..<1_000_000, using: &random)
            instants[entity] = instant
            heap.insert(entity, at: instant)
            if heap.isCrowded(instants.count) {
                heap.removeAll { instants[$0] == $1 }
                cleanings += 1
            }
            #expect(!heap.isCrowded(instants.count), "seed \(seed), round \(round)")
            guard round % 50 == 0 else { continue }
            now += Int64.random(in: 0..<30_000, using: &random)
            var due: [UInt32] = []
            var last = Int64.min
            while let (entity, instant) = heap.popDue(now) {
                #expect(last <= instant && instant <= now, "seed \(seed), round \(round)")
                last = instant
                guard instants[entity] == instant else { continue }
                due.append(entity)
                instants[entity] = nil
            }
            #expect(!instants.values.contains { $0 <= now }, "seed \(seed), round \(round)")
            #expect(Set(due).count == due.count, "seed \(seed), round \(round)")
        }
        #expect(cleanings > 0)
    }
}

extension Array {
    /// Takes an element out; the last one takes its place.
    fileprivate mutating func takeOut(_ place: Int) -> Element {
        swapAt(place, count - 1)
        return removeLast()
    }
}
