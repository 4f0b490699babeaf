import Glibc
import SupportEvents

// Ten events per ticket, about 340 bytes each, as a helpdesk sends them (and as ingest writes them); best of ten
// rounds, in CPU time of the one thread, so that other work on the machine counts as little as possible.

let ticketCount = 2_000
let batchSize = 500
let rounds = 10

func ticket(_ number: Int) -> [String] {
    let priority = ["urgent", "high", "normal", "low"][number % 4]
    let channel = ["email", "chat", "web", "phone"][number / 4 % 4]
    let created = """
        "customer_id":"C-\(number % 500)","channel":"\(channel)","priority":"\(priority)","category":"billing",\
        "tier":"gold","team":"first level","segment":"smb","agent_id":"A-\(number % 30)"
        """
    let message = """
        "author":"agent","agent_id":"A-\(number % 30)","public":true,"message_id":"0a53c1e4-6f0f-4a54-9d0f-\(number)",\
        "mailbox":"support@acme.example","words":118
        """
    let status = """
        "status":"pending","agent_id":"A-\(number % 30)","actor":"agent","reason":"waiting for the customer's answer",\
        "form":"default","brand":"acme"
        """
    let kinds = [
        ("created", created), ("message", message), ("status_changed", status), ("message", message),
        ("status_changed", status), ("message", message), ("message", message), ("status_changed", status),
        ("message", message), ("status_changed", status),
    ]
    return kinds.enumerated().map { index, kind in
        """
        {"specversion":"1.0","id":"\(number)-\(index)","source":"https://acme.example/helpdesk",\
        "type":"support.ticket.\(kind.0)","time":"2026-11-20T09:\(10 + index):00Z","subject":"T-\(number)",\
        "data":{"ticket_id":"T-\(number)",\(kind.1)}}
        """
    }
}

/// Values one behind the other, and where they begin.
struct Log {
    var bytes: [UInt8] = []
    var values: [Range<Int>] = []

    mutating func append(_ value: some Sequence<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: value)
        values.append(start..<bytes.count)
    }

    mutating func pad() {
        bytes.append(contentsOf: repeatElement(0, count: EventDecoder.padding))
    }
}

func threadNanoseconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

func measure(_ name: String, _ log: Log, _ work: (EventDecoder) -> Void) {
    let decoder = EventDecoder()
    var best = Int.max
    for _ in 0..<rounds {
        let start = threadNanoseconds()
        for first in stride(from: 0, to: log.values.count, by: batchSize) {
            decoder.begin()
            for value in log.values[first..<min(first + batchSize, log.values.count)] {
                decoder.add(start: value.lowerBound, count: value.count)
            }
            decoder.decode(log.bytes, now: 1_800_000_000_000_000)
            work(decoder)
        }
        best = min(best, threadNanoseconds() - start)
    }
    let nanoseconds = Double(best) / Double(log.values.count)
    let size = log.bytes.count / log.values.count
    print("\(name): \(Int(nanoseconds)) ns, \(Int(1e9 / nanoseconds)) events/s, \(size) bytes each")
}

/// Everything is local here: a global variable would be checked for exclusive access at each use.
func run() {
    var log = Log()
    var canonical = Log()
    var encoder = CanonicalEncoder()
    let decoder = EventDecoder()
    for number in 0..<ticketCount {
        for event in ticket(number) {
            log.append(event.utf8)
            let decoded = decoder.decode(value: Array(event.utf8))
            precondition(decoded.rejection == nil, "the benchmark's own events are valid")
            encoder.encode(decoded, in: decoder)
            canonical.append(encoder.bytes)
        }
    }
    log.pad()
    canonical.pad()

    var sum: UInt64 = 0
    measure("decode", log) { decoder in
        for index in 0..<decoder.count { sum &+= decoder[index].identity }
    }
    measure("decode canonical events", canonical) { decoder in
        for index in 0..<decoder.count { sum &+= decoder[index].identity }
    }
    var strings = StringTable()
    measure("decode and intern five strings", log) { decoder in
        for index in 0..<decoder.count {
            let event = decoder[index]
            sum &+= UInt64(strings.intern(event.entity, in: decoder))
            sum &+= UInt64(strings.intern(event.agent, in: decoder))
            sum &+= UInt64(strings.intern(event.team, in: decoder))
            sum &+= UInt64(strings.intern(event.priority, in: decoder))
            sum &+= UInt64(strings.intern(event.category, in: decoder))
            sum &+= UInt64(event.status?.rawValue ?? 0)
        }
    }
    measure("decode and encode canonically", log) { decoder in
        for index in 0..<decoder.count {
            encoder.encode(decoder[index], in: decoder)
            sum &+= UInt64(encoder.bytes.count)
        }
    }
    print("checksum \(sum)")
}

run()
