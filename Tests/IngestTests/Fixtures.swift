import Foundation
import Ingest
import Kafka
import Streams
import Synchronization

/// A ticket's creation as a CloudEvent in structured mode.
func created(
    ticket: String = "91", id: String = "91-1", source: String = "https://acme.example/helpdesk",
    time: String = "2026-11-20T09:00:00Z", data: String = ""
) -> String {
    #"{"specversion":"1.0","id":"\#(id)","source":"\#(source)","type":"support.ticket.created","time":"\#(time)","#
        + #""data":{"ticket_id":"\#(ticket)"\#(data.isEmpty ? "" : ",\(data)")}}"#
}

/// An instant when the events of the fixtures have happened: 2026-11-22T00:00:00Z, in microseconds.
let fixtureNow: Int64 = 1_795_305_600_000_000

/// Takes records instead of Kafka.
final class CapturingProducer: InboundProducer {
    let sent = Mutex<[InboundRecord]>([])
    let failure = Mutex<InboundFailure?>(nil)
    /// While set, `send` waits for the stream's end.
    let gate = Mutex<AsyncStream<Void>?>(nil)
    let entered: AsyncStream<Void>
    private let enter: AsyncStream<Void>.Continuation

    init() { (entered, enter) = AsyncStream.makeStream() }

    func send(_ records: [InboundRecord]) async throws(InboundFailure) {
        enter.yield()
        if let gate = gate.withLock({ $0 }) { for await _ in gate {} }
        if let failure = failure.withLock({ $0 }) { throw failure }
        sent.withLock { $0 += records }
    }
}

/// Keeps what a task writes.
final class CapturingOutput: TaskOutput {
    struct Sent: Equatable {
        var output: Int
        var partition: Int32
        var key: String
        var value: String
    }

    struct Rejected: Equatable {
        var record: Int
        var reason: String
        var pointer: String?
    }

    var sent: [Sent] = []
    var rejected: [Rejected] = []

    func changelog(key: RawSpan, value: RawSpan?) { preconditionFailure("the stage has no state") }

    func send(to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
        precondition(headers.isEmpty)
        sent.append(Sent(output: output, partition: partition, key: text(key), value: text(value)))
    }

    func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
        rejected.append(Rejected(record: record, reason: reason, pointer: pointer))
    }

    func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
        preconditionFailure("the stage has no state that could expire")
    }

    private func text(_ span: RawSpan?) -> String {
        guard let span else { return "<null>" }
        return unsafe span.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

/// Kafka's murmur2 partitioner, written independently of the product's from Kafka's published algorithm
/// (`org.apache.kafka.common.utils.Utils.murmur2`).
func murmur2Partition(_ key: String, _ count: Int) -> Int32 {
    let data = Array(key.utf8)
    var h = Int32(bitPattern: 0x9747_b28c) ^ Int32(data.count)
    let m = Int32(bitPattern: 0x5bd1_e995)
    func shift(_ value: Int32, _ bits: Int32) -> Int32 { Int32(bitPattern: UInt32(bitPattern: value) >> UInt32(bits)) }
    var index = 0
    while index + 4 <= data.count {
        var k = (0..<4).reduce(Int32(0)) { $0 | Int32(bitPattern: UInt32(data[index + $1]) << UInt32(8 * $1)) }
        k = k &* m
        k ^= shift(k, 24)
        k = k &* m
        h = h &* m
        h ^= k
        index += 4
    }
    let rest = data.count - index
    if rest >= 3 { h ^= Int32(data[index + 2]) << 16 }
    if rest >= 2 { h ^= Int32(data[index + 1]) << 8 }
    if rest >= 1 {
        h ^= Int32(data[index])
        h = h &* m
    }
    h ^= shift(h, 13)
    h = h &* m
    h ^= shift(h, 15)
    return (h & 0x7fff_ffff) % Int32(count)
}
