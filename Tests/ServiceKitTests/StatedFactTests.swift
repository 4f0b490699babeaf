import ServiceKit
import SupportEvents
import Testing

/// What the state keeps of a fact that an entity has stated.
@Suite struct StatedFactTests {
    private static let key = Array("customer-209".utf8)
    private static let content: UInt64 = 0x0123_4567_89ab_cdef

    @Test func comesBackAsItWas() throws {
        let facts = [
            StatedFact(receiver: .customer, key: Self.key, kind: 1, content: Self.content),
            StatedFact(receiver: .ticket, key: [], kind: 127, content: .max),
        ]
        var bytes: [UInt8] = []
        for fact in facts { fact.encode(into: &bytes) }
        var reader = BinaryReader(bytes)
        for fact in facts { #expect(try StatedFact(&reader) == fact) }
        #expect(reader.isAtEnd)
    }

    @Test func theFormOfAFormerVersionSaysTheSame() throws {
        var bytes: [UInt8] = [1, EntityKind.customer.rawValue]
        bytes.appendFixed64(Self.content)
        // The other half of its hash.
        bytes.appendFixed64(0xffff_0000_ffff_0000)
        bytes.appendBytes(Self.key)
        var reader = BinaryReader(bytes)
        let fact = try StatedFact(&reader)
        #expect(fact == StatedFact(receiver: .customer, key: Self.key, kind: 1, content: Self.content))
        #expect(reader.isAtEnd)
    }

    @Test func anEndThatIsMissingIsAnError() {
        var bytes: [UInt8] = []
        StatedFact(receiver: .customer, key: Self.key, kind: 1, content: Self.content).encode(into: &bytes)
        for count in 0..<bytes.count {
            #expect(throws: (any Error).self, "\(count) bytes") {
                var reader = BinaryReader(Array(bytes[..<count]))
                _ = try StatedFact(&reader)
            }
        }
    }
}
