import CAllocations
import Kafka
import Logging
import ServiceKit
import Streams
import Ticketing

/// The entity stage of ticketing with tickets that it knows already, each of which gets one more event per round.
struct SteadyState {
    /// Takes everything and keeps nothing.
    private final class Drain: TaskOutput {
        var bytes = 0
        func changelog(key: RawSpan, value: RawSpan?) { bytes += key.byteCount + (value?.byteCount ?? 0) }
        func send(
            to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
        ) { bytes += value?.byteCount ?? 0 }
        func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
            preconditionFailure("the events of this test are valid: \(reason)")
        }
        func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
            preconditionFailure("the tickets of this test do not expire: \(reason)")
        }
    }

    static let tickets = 2_000
    static let batchSize = 500
    /// Events per ticket before the count begins: tables and buffers have their size then.
    static let warmUp = 5
    static let measured = 5

    private let task: any StreamTask
    private let drain = Drain()
    private var clock: Int64 = 1_782_864_000_000_000

    init() throws {
        let rules = try Rules(
            parsing: """
                kpis: [first_response_time, resolution_time]
                breakdowns: [priority, channel]
                windows: [day]
                history: 100y
                """)
        let topology = try TicketingTopology(rules: rules, partitions: 1)
        task = topology.entityTask(
            TaskContext(
                partition: 0, partitionCount: 1, outputPartitionCounts: [1, 1], logger: Logger(label: "steady")))
        try task.restoreCompleted(output: drain)
    }

    private static func event(_ ticket: Int, _ round: Int) -> String {
        let second = 10 + round
        let (type, data): (String, String)
        switch round % 5 {
        case 0 where round == 0:
            type = "created"
            data = #""channel":"email","customer_id":"c-\#(ticket % 97)","priority":"high","team":"first level""#
        case 1:
            type = "message"
            data = #""agent_id":"a-\#(ticket % 60)","author":"agent","public":true"#
        case 2:
            type = "status_changed"
            data = #""actor":"agent","agent_id":"a-\#(ticket % 60)","status":"pending""#
        case 3:
            type = "message"
            data = #""author":"customer","public":true"#
        default:
            type = "status_changed"
            data = #""actor":"customer","status":"open""#
        }
        return """
            {"data":{\(data),"ticket_id":"steady-\(ticket)"},"id":"\(ticket)-\(round)","source":"https://steady.example",\
            "specversion":"1.0","time":"2026-07-01T00:00:\(second).000000Z","type":"support.ticket.\(type)"}
            """
    }

    /// All tickets once, in transactions of ``batchSize`` events.
    ///
    /// - Returns: how often memory was asked for.
    private mutating func round(_ number: Int) throws -> Int {
        var count = 0
        let place = TopicPartition(topic: "support.tickets", partition: 0)
        for start in stride(from: 0, to: Self.tickets, by: Self.batchSize) {
            let batch = RecordBatch(recordCapacity: Self.batchSize, byteCapacity: 1 << 20)
            for ticket in start..<start + Self.batchSize {
                let key = Array("steady-\(ticket)".utf8)
                let value = Array(Self.event(ticket, number).utf8)
                unsafe batch.append(
                    place, offset: Int64(number * Self.tickets + ticket), timestamp: clock / 1_000,
                    key: key.span.bytes, value: value.span.bytes)
            }
            clock += 100_000
            let time = TaskTime(clock: clock, wall: clock, caughtUp: true, idle: false, degraded: false)
            let before = allocation_count()
            try task.process(batch, 0..<Self.batchSize, input: 0, output: drain)
            try task.advance(to: time, output: drain)
            try task.prepareCommit(time, output: drain)
            task.commitSucceeded()
            count += allocation_count() - before
        }
        return count
    }

    /// Allocations per event, after the warm-up.
    mutating func allocationsPerEvent() throws -> Double {
        for number in 0..<Self.warmUp { _ = try round(number) }
        var count = 0
        for number in Self.warmUp..<Self.warmUp + Self.measured { count += try round(number) }
        return Double(count) / Double(Self.tickets * Self.measured)
    }
}
