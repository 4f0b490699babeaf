import ServiceKit
import Streams

/// A stretch of an agent's time, microseconds.
struct AgentTime {
    var start: Int64
    var stop: Int64

    static let day: Int64 = 86_400_000_000

    /// Whatever lasts longer is a forgotten end, and is cut: agents sign off once a day.
    static let longest = day

    /// An id may have 200 bytes; the day stands before it.
    private static let longestID = 190

    /// The key of one agent's day (UTC) among the links; nil for an id that is too long for it.
    static func key(_ agent: [UInt8], day: Int64) -> [UInt8]? {
        agent.isEmpty || agent.count > longestID ? nil : Array("\(day)/".utf8) + agent
    }

    /// The day (UTC) of such a key.
    static func day(ofKey key: [UInt8]) -> Int64? {
        Int64(String(decoding: key.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self))
    }

    /// The parts in each day (UTC), in order.
    var byDay: [(day: Int64, part: AgentTime)] {
        let end = min(stop, start + Self.longest)
        var parts: [(Int64, AgentTime)] = []
        var from = start
        while from < end {
            let day = (from >= 0 ? from : from - Self.day + 1) / Self.day
            let next = min(end, (day + 1) * Self.day)
            parts.append((day, AgentTime(start: from, stop: next)))
            from = next
        }
        return parts
    }
}
