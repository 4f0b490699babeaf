import ServiceKit
import TestSupport
import Testing

/// What entities keep their memory in, against models of it.
@Suite struct EntityMemoryTests {
    private static let fields: [EventPayload.Field] = [.agent, .channel, .priority, .category, .team, .tags]

    /// Payloads as tickets, surveys and facts have them: with and without sequence and customer, a few attributes, sometimes a
    /// text, and of a few types.
    private static func payload(_ random: inout SeededGenerator) -> (event: TimelineEvent, bytes: [UInt8]) {
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
        if Int.random(in: 0..<10, using: &random) == 0 {
            let length = Int.random(in: 0..<400, using: &random)
            payload.append(.comment, Array(repeating: UInt8(ascii: "x"), count: length))
        }
        let types: [UInt8] = [1, 2, Fact.type(1)]
        let type = types[Int.random(in: 0..<types.count, using: &random)]
        let event = TimelineEvent(
            time: 0, identity: 0, payload: 0, type: type, code: UInt8.random(in: 0..<2, using: &random),
            hasSequence: hasSequence)
        return (event, payload.bytes)
    }

    @Test func payloadsComeBackAsTheyWere() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        let table = PayloadTable()
        var held: [(event: TimelineEvent, bytes: [UInt8])] = []
        for round in 0..<20_000 {
            if round % 4_000 < 2_500 || held.isEmpty {
                var (event, bytes) = Self.payload(&random)
                event.payload = table.retain(bytes, of: event)
                held.append((event, bytes))
            } else {
                let gone = held.takeOut(Int.random(in: 0..<held.count, using: &random))
                table.release(gone.event.payload)
            }
            if round % 300 == 0 { table.tidy() }
            guard round % 1_000 == 999 else { continue }
            for item in held {
                var loaded = EventPayload()
                table.load(item.event, into: &loaded)
                #expect(loaded.bytes == item.bytes, "seed \(seed), round \(round)")
                let attributes = table.attributes(of: item.event.payload)
                #expect(attributes == item.event.attributes, "seed \(seed), round \(round)")
                let other = held[Int.random(in: 0..<held.count, using: &random)]
                let areEqual = other.bytes == item.bytes && other.event.attributes == item.event.attributes
                #expect(
                    table.areEqual(other.event.payload, item.event.payload) == areEqual,
                    "seed \(seed), round \(round)")
            }
        }
        #expect(held.contains { item in held.count { $0.bytes == item.bytes } > 1 }, "seed \(seed)")
        for item in held { table.release(item.event.payload) }
        #expect(table.count == 0, "seed \(seed)")
    }

    @Test func attributesThatComeAgainAreKeptOnce() {
        let table = PayloadTable()
        var payload = EventPayload()
        for customer in 0..<10_000 {
            payload.begin(sequence: nil)
            payload.append(.customer, Array("\(customer)".utf8))
            payload.append(.category, Array(repeating: UInt8(ascii: "a"), count: 200))
            _ = table.retain(payload.bytes, of: TimelineEvent(time: 0, identity: 0, payload: 0, type: 1))
        }
        // Their beginnings, and the one end.
        #expect(table.count == 10_001)
    }

    @Test func longRunsAndShortOnesOfAPoolKeepApart() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        var pool = SegmentedPool<UInt8>(filler: 0, offsetBits: 8)
        var held: [(handle: UInt32, bytes: [UInt8])] = []
        for round in 0..<20_000 {
            if round % 3_000 < 2_000 || held.isEmpty {
                let isLong = Int.random(in: 0..<10, using: &random) == 0
                let count = Int.random(in: 1..<(isLong ? 2_000 : 100), using: &random)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                let handle = pool.allocate(count)
                pool.write(bytes, to: handle)
                held.append((handle, bytes))
            } else {
                let gone = held.takeOut(Int.random(in: 0..<held.count, using: &random))
                pool.release(gone.handle, capacity: SegmentedPool<UInt8>.capacity(for: gone.bytes.count))
            }
            guard round % 1_000 == 999 else { continue }
            for item in held {
                #expect(pool.equals(item.handle, count: item.bytes.count, item.bytes), "seed \(seed), round \(round)")
            }
        }
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
