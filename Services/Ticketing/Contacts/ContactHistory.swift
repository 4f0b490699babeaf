import ServiceKit
import Streams
import SupportEvents

/// What the timeline of a call or a chat amounts to: how it waited, who answered it, how long it was handled.
struct ContactHistory {
    enum Fate: Equatable {
        case waiting
        case answered
        /// At this instant, in the queue.
        case abandoned(Int64)
        /// Ended without either: voicemail, call-back, left in the menu.
        case other
    }

    /// An agent's part: from an answer to the next transfer, answer or the end.
    struct Segment {
        /// Label; 0 for a nameless one.
        var agent: UInt32
        var start: Int64
        /// Nil for as long as it lasts.
        var stop: Int64?
    }

    private(set) var queuedAt: Int64 = 0
    private(set) var attributes = DimensionValues()
    private(set) var channel: Channel?
    /// Ids; empty without.
    private(set) var customer: [UInt8] = []
    private(set) var ticket: [UInt8] = []
    private(set) var segments: [Segment] = []
    private(set) var isTransferred = false
    private(set) var endedAt: Int64?
    /// What the source says.
    private(set) var resolved: Bool?
    private var abandonment: TimelineEvent?
    /// Milliseconds, where the source states them.
    private var talk: Int64?
    private var hold: Int64?
    private var wrap: Int64?
    /// The sum of the work after the end, milliseconds.
    private var wrapped: Int64 = 0
    private var holds: [(start: Int64, end: Int64?)] = []

    /// The first answer.
    var answeredAt: Int64? { segments.first?.start }

    var fate: Fate {
        if answeredAt != nil { return .answered }
        if let abandonment { return abandonment.abandonedIn == .queue ? .abandoned(abandonment.time) : .other }
        return endedAt == nil ? .waiting : .other
    }

    /// Goes through the timeline. Returns `false` as long as the contact's queueing has not arrived.
    mutating func replay(
        _ timeline: [TimelineEvent], _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> Bool {
        guard let queueing = timeline.firstIndex(where: { $0.type == EventType.contactQueued.rawValue }) else {
            return false
        }
        begin(timeline[queueing].time)
        try readQueueing(timeline[queueing], &output)
        for (index, event) in timeline.enumerated() {
            switch EventType(rawValue: event.type) {
            case .contactAnswered:
                closeSegment(at: event.time)
                segments.append(Segment(agent: try read(event, &output), start: event.time))
            case .contactHeld:
                _ = try read(event, &output)
                if holds.last.map({ $0.end != nil }) ?? true { holds.append((event.time, nil)) }
            case .contactResumed:
                _ = try read(event, &output)
                if let last = holds.indices.last, holds[last].end == nil { holds[last].end = event.time }
            case .contactTransferred:
                _ = try read(event, &output)
                isTransferred = true
                closeSegment(at: event.time)
            case .contactEnded:
                _ = try read(event, &output)
                endedAt = endedAt ?? event.time
                resolved = event.resolved ?? resolved
            case .contactWrapped: _ = try read(event, &output)
            case .contactAbandoned:
                _ = try read(event, &output)
                abandonment = abandonment ?? event
            case .contactQueued where index != queueing:
                // A contact is queued once; of what repeats it only the ticket counts.
                try readTicket(event, &output)
            default: continue
            }
        }
        return true
    }

    private mutating func begin(_ time: Int64) {
        queuedAt = time
        attributes.clear()
        channel = nil
        customer = []
        ticket = []
        segments.removeAll(keepingCapacity: true)
        holds.removeAll(keepingCapacity: true)
        isTransferred = false
        endedAt = nil
        resolved = nil
        abandonment = nil
        talk = nil
        hold = nil
        wrap = nil
        wrapped = 0
    }

    private mutating func closeSegment(at time: Int64) {
        if let last = segments.indices.last, segments[last].stop == nil { segments[last].stop = time }
    }

    // MARK: Members

    private mutating func readQueueing(
        _ event: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
            let text = payload.bytes[field.value]
            switch field.field {
            case .customer: customer = Array(text)
            case .ticket: ticket = Array(text)
            default:
                guard let dimension = Dimension(field.field) else { return }
                attributes[dimension] = output.label(field, of: payload)
                if dimension == .channel { channel = Channel.allCases.first { $0.name.utf8.elementsEqual(text) } }
            }
        }
    }

    private mutating func readTicket(
        _ event: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        try output.forEachField(of: event) { (field, payload, _) throws(InternalRecordError) in
            if field.field == .ticket { ticket = Array(payload.bytes[field.value]) }
        }
    }

    /// Takes over what an event behind the queueing says. Returns the agent's label.
    private mutating func read(
        _ event: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> UInt32 {
        var agent: UInt32 = 0
        try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
            switch field.field {
            case .ticket: ticket = Array(payload.bytes[field.value])
            case .team: attributes[.team] = output.label(field, of: payload)
            case .agent: agent = output.label(field, of: payload)
            case .talk: talk = try payload.number(field)
            case .hold: hold = try payload.number(field)
            case .wrap: wrap = try payload.number(field)
            case .duration: wrapped += try payload.number(field)
            default: return
            }
        }
        return agent
    }

    // MARK: Handling time

    /// After-call work, milliseconds.
    private var afterWork: Int64 { wrap ?? wrapped }

    /// Talk, hold and after-call work of a contact that was answered and has ended, milliseconds; negative where clocks are
    /// skewed. Part by part: what the source states, else what the events give. Time that is not held is talked.
    var handlingTime: Int64? {
        guard let answeredAt, let endedAt else { return nil }
        if let talk { return talk + (hold ?? held(from: answeredAt, to: endedAt)) + afterWork }
        return DerivationOutput.milliseconds(from: answeredAt, to: endedAt).map { $0 + afterWork }
    }

    /// A hold that is not resumed lasts until the end.
    private func held(from start: Int64, to end: Int64) -> Int64 {
        var sum: Int64 = 0
        for hold in holds { sum += max(0, min(hold.end ?? end, end) - max(hold.start, start)) }
        return DerivationOutput.milliseconds(from: 0, to: sum) ?? 0
    }

    /// Each named agent's own handling time, milliseconds. Of a contact that one agent had from answer to end it is the
    /// contact's; else each has the time between answer and transfer, and the last one the after-call work.
    var handlingTimeByAgent: [(agent: UInt32, milliseconds: Int64)] {
        guard let endedAt, let handlingTime else { return [] }
        if segments.count == 1, segments[0].stop == nil { return [(segments[0].agent, handlingTime)] }
        var times: [(agent: UInt32, milliseconds: Int64)] = []
        for (index, segment) in segments.enumerated() {
            guard var time = DerivationOutput.milliseconds(from: segment.start, to: segment.stop ?? endedAt) else {
                continue
            }
            if index == segments.count - 1 { time += afterWork }
            if let known = times.firstIndex(where: { $0.agent == segment.agent }) {
                times[known].milliseconds += time
            } else {
                times.append((segment.agent, time))
            }
        }
        return times
    }

    /// When each agent was at work on the contact, once it has ended; empty where clocks are skewed.
    var timesByAgent: [(agent: UInt32, time: AgentTime)] {
        guard let endedAt else { return [] }
        return segments.enumerated().compactMap { index, segment in
            var time = AgentTime(start: segment.start, stop: segment.stop ?? endedAt)
            if index == segments.count - 1 { time.stop += afterWork * 1_000 }
            return time.start < time.stop ? (segment.agent, time) : nil
        }
    }
}
