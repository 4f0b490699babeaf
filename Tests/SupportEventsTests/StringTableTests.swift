import SupportEvents
import TestSupport
import Testing

@Suite struct StringTableTests {
    @Test func tagsTellTheSameBytesApart() {
        var table = StringTable(countsReferences: true)
        var ids: [UInt32: UInt32] = [:]
        for tag in 0..<1_000 as Range<UInt32> {
            ids[tag] = unsafe table.intern([1, 2, 3].span.bytes, tag: tag)
        }
        #expect(Set(ids.values).count == 1_000)
        for (tag, id) in ids where tag % 2 == 0 {
            let isGone = table.release(id)
            #expect(isGone)
        }
        for (tag, id) in ids where tag % 2 == 1 {
            #expect(table.tag(of: id) == tag)
            let again = unsafe table.intern([1, 2, 3].span.bytes, tag: tag)
            #expect(again == id)
        }
        #expect(table.count == 500)
    }

    @Test func idsAreDenseAndStay() {
        var table = StringTable()
        let strings = (0..<10_000).map { Array("string \($0)".utf8) }
        for (index, string) in strings.enumerated() { #expect(table.intern(string) == UInt32(index)) }
        for (index, string) in strings.enumerated() {
            #expect(table.intern(string) == UInt32(index))
            #expect(table.bytes(of: UInt32(index)) == string)
        }
        #expect(table.count == 10_000)
        #expect(table.find([1, 2, 3]) == nil)
        #expect(table.intern([]) == 10_000)
        #expect(table.bytes(of: 10_000) == [])
    }

    /// The hash only chooses the slot; the bytes decide.
    @Test func equalHashes() {
        var table = StringTable()
        let ids = (0..<100).map { number in
            withSpan(of: Array("\(number)".utf8)) { table.intern($0, hash: 42) }
        }
        #expect(Set(ids).count == 100)
        for number in 0..<100 {
            let found = withSpan(of: Array("\(number)".utf8)) { table.find($0, hash: 42) }
            #expect(found == ids[number])
        }
    }

    @Test func placesSpreadOverTheTable() {
        for size in [16, 24, 1_000, 98_415] {
            var counts = [Int](repeating: 0, count: 8)
            for number in 0..<8_000 {
                let home = HashPlace.home(KeyHash.hash(Array("\(number)".utf8)), size)
                #expect((0..<size).contains(home))
                counts[home * 8 / size] += 1
            }
            #expect(counts.allSatisfy { (800...1_200).contains($0) }, "\(size): \(counts)")
        }
        #expect(HashPlace.home(UInt64.max, 7) == 6 && HashPlace.next(6, 7) == 0 && HashPlace.distance(5, 1, 7) == 3)
    }

    @Test func textsOfABatch() {
        let decoder = EventDecoder()
        var table = StringTable()
        let event = decoder.decode(value: created(#","team":"Support","category":"support""#))
        let team = table.intern(event.team, in: decoder)
        #expect(table.intern(event.category, in: decoder) == team)
        #expect(table.string(of: team) == "support")
        #expect(table.intern(event.agent, in: decoder) == StringTable.none)
    }

    /// Against a dictionary, with collisions, reuse of ids and compaction.
    @Test func referencesAgainstAModel() {
        let seed = SeededGenerator.newSeed(#function)
        var random = SeededGenerator(seed: seed)
        var table = StringTable(countsReferences: true)
        var model: [[UInt8]: (id: UInt32, references: Int)] = [:]
        var greatest: UInt32 = 0
        for round in 0..<60_000 {
            let number = Int.random(in: 0..<2_000, using: &random)
            let string = Array(String(repeating: "\(number)-", count: 1 + number % 9).utf8)
            // Few hashes, so that chains are long and wrap around.
            let hash = KeyHash.hash(string) | 0xffff_ffff_ffff_fff0
            let adds = round % 3_000 < 1_600
            if adds {
                let id = withSpan(of: string) { table.intern($0, hash: hash) }
                if let known = model[string] {
                    #expect(known.id == id, "seed \(seed), round \(round)")
                    model[string] = (id, known.references + 1)
                } else {
                    #expect(!model.values.contains { $0.id == id }, "seed \(seed): id \(id) is in use")
                    model[string] = (id, 1)
                }
                greatest = max(greatest, id)
            } else if let known = model[string] {
                table.release(known.id)
                model[string] = known.references == 1 ? nil : (known.id, known.references - 1)
            } else {
                #expect(withSpan(of: string) { table.find($0, hash: hash) } == nil, "seed \(seed), round \(round)")
            }
            guard round % 500 == 0 else { continue }
            #expect(table.count == model.count)
            for (string, known) in model {
                #expect(table.bytes(of: known.id) == string, "seed \(seed), round \(round)")
            }
        }
        for (_, known) in model {
            for _ in 0..<known.references { table.release(known.id) }
        }
        #expect(table.count == 0)
        #expect(table.idLimit == Int(greatest) + 1)
    }

    @Test func memoryStaysBounded() {
        var table = StringTable(countsReferences: true)
        for number in 0..<200_000 {
            let id = table.intern(Array("a string of some length, number \(number)".utf8))
            if number >= 10 { #expect(table.idLimit <= 11) }
            table.retain(id)
            table.release(id)
            table.release(id)
        }
        #expect(table.count == 0)
        #expect(table.memory < 100_000)
    }

    private func withSpan<Result>(of bytes: [UInt8], _ body: (RawSpan) -> Result) -> Result {
        unsafe body(bytes.span.bytes)
    }
}
