import ServiceKit
import TestSupport
import Testing

/// Timelines of several changelog chunks, which come back from a restore at every length.
@Suite struct LongTimelineTests {
    static let second = TicketEvent.second
    static let hour = TicketEvent.hour

    private func pipeline() throws -> Pipeline {
        try Pipeline(
            Rules(parsing: "history: 100y"), partitions: 1,
            now: TicketEvent.epoch * 1_000_000 + 100 * TicketEvent.day)
    }

    /// Replies of an agent with a text of their own each, in an order that is not that of their times.
    private func replies(_ count: Int, textBytes: Int = 0) -> [TicketEvent] {
        (0..<count).map { number in
            TicketEvent(
                "m\(number)", "ticket.message", at: Int64((number * 37) % count) * Self.hour + Self.second,
                [
                    ("author", number % 3 == 0 ? "\"customer\"" : "\"agent\""),
                    ("agent_id", "\"A-\(String(repeating: "x", count: textBytes))\(number % 50)\""),
                ])
        }
    }

    private func shaken(_ events: [TicketEvent], of ticket: String, seed: UInt64) throws -> Pipeline {
        let pipeline = try pipeline()
        var random = SeededGenerator(seed: seed)
        for event in events { pipeline.send(event, of: ticket) }
        for _ in 0..<2 * events.count {
            let outcome: Pipeline.Outcome =
                switch Int.random(in: 0..<6, using: &random) {
                case 0: .abort
                case 1: .crash
                default: .commit
                }
            try pipeline.run(.tickets, 0, records: Int.random(in: 1...5, using: &random), outcome)
        }
        try pipeline.drain()
        return pipeline
    }

    @Test(arguments: [31, 32, 33, 64, 100])
    func aTicketOfManyEvents(_ count: Int) throws {
        let events = [TicketEvent("c", "ticket.created", at: 0)] + replies(count - 1)
        let calm = try pipeline()
        for event in events { calm.send(event, of: "T") }
        try calm.drain()
        let shaken = try shaken(events, of: "T", seed: UInt64(count))
        #expect(shaken.figures == calm.figures)
        #expect(!calm.figures.isEmpty)
        // Duplicates meet what was restored.
        try shaken.restartAll()
        let updates = shaken.updates
        for event in events { shaken.send(event, of: "T") }
        try shaken.drain()
        #expect(shaken.updates == updates)
    }

    @Test func aTicketOfOneChunkIsOneRecord() throws {
        let pipeline = try pipeline()
        for event in [TicketEvent("c", "ticket.created", at: 0)] + replies(20) { pipeline.send(event, of: "T") }
        try pipeline.drain()
        // With the cell sets, all of those of the next ticket among them.
        let one = pipeline.changelogRecords(.tickets)
        pipeline.send(TicketEvent("c", "ticket.created", at: 0), of: "U")
        try pipeline.drain()
        #expect(pipeline.changelogRecords(.tickets) == one + 1)
    }

    /// What is too large for one record is told in several.
    @Test func aTicketOfLargeEvents() throws {
        let events = [TicketEvent("c", "ticket.created", at: 0)] + replies(40, textBytes: 180) + tagged(20)
        let calm = try pipeline()
        for event in events { calm.send(event, of: "T") }
        try calm.drain()
        #expect(calm.dead.isEmpty)
        #expect(try shaken(events, of: "T", seed: 7).figures == calm.figures)
    }

    private func tagged(_ count: Int) -> [TicketEvent] {
        (0..<count).map { number in
            let tags = (0..<200).map { "\"\(String(repeating: "t", count: 80))-\(number)-\($0)\"" }
            return TicketEvent(
                "u\(number)", "ticket.updated", at: Int64(number) * Self.hour,
                [("tags", "[\(tags.joined(separator: ","))]")])
        }
    }
}
