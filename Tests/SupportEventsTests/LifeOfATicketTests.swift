import SupportEvents
import Testing

/// The ticket's life of the contract, decoded.
@Suite struct LifeOfATicketTests {
    static let source = "https://acme.example/helpdesk"
    static let lines = [
        #"{"specversion":"1.0","id":"91-1","source":"https://acme.example/helpdesk","type":"support.ticket.created","time":"2026-11-20T09:00:00Z","data":{"ticket_id":"91","customer_id":"C-7","channel":"email","priority":"urgent","category":"billing","tier":"gold"}}"#,
        #"{"specversion":"1.0","id":"91-2","source":"https://acme.example/helpdesk","type":"support.ticket.message","time":"2026-11-20T09:12:30Z","data":{"ticket_id":"91","author":"agent","agent_id":"A-3"}}"#,
        #"{"specversion":"1.0","id":"91-3","source":"https://acme.example/helpdesk","type":"support.ticket.status_changed","time":"2026-11-20T09:12:30Z","sequence":1,"data":{"ticket_id":"91","status":"pending","agent_id":"A-3"}}"#,
        #"{"specversion":"1.0","id":"91-4","source":"https://acme.example/helpdesk","type":"support.ticket.message","time":"2026-11-20T11:02:00Z","data":{"ticket_id":"91","author":"customer"}}"#,
        #"{"specversion":"1.0","id":"91-5","source":"https://acme.example/helpdesk","type":"support.ticket.message","time":"2026-11-20T11:20:00Z","data":{"ticket_id":"91","author":"agent","agent_id":"A-3"}}"#,
        #"{"specversion":"1.0","id":"91-6","source":"https://acme.example/helpdesk","type":"support.ticket.status_changed","time":"2026-11-20T11:20:05Z","data":{"ticket_id":"91","status":"solved","agent_id":"A-3"}}"#,
    ]

    @Test func everyEventOfTheContract() throws {
        let decoder = EventDecoder()
        var buffer: [UInt8] = []
        decoder.begin()
        for line in Self.lines {
            decoder.add(start: buffer.count, count: line.utf8.count)
            buffer += Array(line.utf8)
        }
        decoder.decode(buffer)
        let events = (0..<decoder.count).map { decoder[$0] }
        #expect(events.allSatisfy { $0.rejection == nil })
        #expect(
            events.map(\.type) == [
                .ticketCreated, .ticketMessage, .ticketStatusChanged, .ticketMessage, .ticketMessage,
                .ticketStatusChanged,
            ])
        #expect(events.allSatisfy { decoder.string($0.entity) == "91" && decoder.string($0.ticket) == "91" })
        #expect(events.allSatisfy { decoder.string($0.source) == Self.source && $0.entityKind == .ticket })
        #expect(events.map { decoder.string($0.id) } == ["91-1", "91-2", "91-3", "91-4", "91-5", "91-6"])
        let start: Int64 = 1_795_165_200_000_000
        #expect(events.map { ($0.time - start) / 1_000_000 } == [0, 750, 750, 7320, 8400, 8405])
        #expect(events.map(\.sequence) == [-1, -1, 1, -1, -1, -1])

        let created = events[0]
        #expect(decoder.string(created.customer) == "C-7")
        #expect(decoder.string(created.priority) == "urgent")
        #expect(decoder.string(created.category) == "billing")
        #expect(decoder.string(created.tier) == "gold")
        #expect(created.channel == .email)
        #expect(created.presence(of: .agentID) == .absent)
        #expect(created.agent.isEmpty)
        #expect(events[1].author == .agent)
        #expect(events[1].isPublic)
        #expect(decoder.string(events[1].agent) == "A-3")
        #expect(events[2].status == .pending)
        #expect(events[2].actor == nil)
        #expect(events[2].effectiveActor == .agent)
        #expect(events[3].author == .customer)
        #expect(events[5].status == .solved)

        let expected = Array("\(Self.source)\u{0}91-1".utf8)
            .reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        #expect(created.identity == expected)
        #expect(created.entity.hash == KeyHash.hash(Array("91".utf8)))
    }
}
