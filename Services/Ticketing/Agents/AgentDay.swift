import KPIs
import ServiceKit
import Streams

/// One agent's day: what was handled in it against the time that the agent was there.
struct AgentDay {
    private struct Handling {
        var time: AgentTime
        /// Not the rest of what began the day before.
        var begins: Bool
    }

    private var handlings: [Handling] = []
    private var shifts: [(time: AgentTime, isBreak: Bool)] = []
    private var attributes = DimensionValues()

    /// Pieces are cut here: every clock hour of every zone in use begins at a quarter of an hour.
    private static let quarter: Int64 = 900_000_000

    mutating func read(_ timeline: [TimelineEvent], _ output: inout DerivationOutput) throws(InternalRecordError) {
        handlings.removeAll(keepingCapacity: true)
        shifts.removeAll(keepingCapacity: true)
        attributes.clear()
        for item in timeline {
            let isShift = item.type == Fact.type(LinkFact.statesOfAgent)
            try output.forEachField(of: item) { (field, payload, output) throws(InternalRecordError) in
                switch field.field {
                case .agent: attributes[.agent] = output.label(field, of: payload)
                case .team where isShift: attributes[.team] = output.label(field, of: payload)
                case .work:
                    var reader = BinaryReader(payload.bytes, at: field.value.lowerBound)
                    while reader.position < field.value.upperBound {
                        let time = AgentTime(start: try reader.signedVarint(), stop: try reader.signedVarint())
                        let mark = try reader.signedVarint()
                        if isShift {
                            shifts.append((time, mark == 1))
                        } else {
                            handlings.append(Handling(time: time, begins: mark == 1))
                        }
                    }
                default: return
                }
            }
        }
        handlings.sort { ($0.time.start, $0.time.stop) < ($1.time.start, $1.time.stop) }
    }

    mutating func addTimes(namesAgents: Bool, _ output: inout DerivationOutput) {
        let agent = attributes[.agent]
        attributes[.agent] = 0
        var cells = [output.cells(of: attributes)]
        if namesAgents, agent != 0 { cells.append(output.cells(.agent, agent)) }
        let union = union
        for handling in handlings { add(ContactMeasure.handled, handling.time, cells, &output) }
        for time in union { add(ContactMeasure.handling, time, cells, &output) }
        // Without states nobody knows how long the agent was there, so that what was handled would be out of nothing.
        guard !shifts.isEmpty else { return }
        for time in union { add(ContactMeasure.occupied, time, cells, &output) }
        for (time, isBreak) in shifts {
            add(ContactMeasure.signedIn, time, cells, &output)
            if !isBreak { add(ContactMeasure.onDuty, time, cells, &output) }
        }
        for handling in handlings where handling.begins {
            for cell in cells { output.add(ContactMeasure.agentContacts, at: handling.time.start, cells: cell) }
        }
    }

    /// The time in which at least one contact was handled.
    private var union: [AgentTime] {
        var merged: [AgentTime] = []
        for handling in handlings {
            if let last = merged.indices.last, handling.time.start <= merged[last].stop {
                merged[last].stop = max(merged[last].stop, handling.time.stop)
            } else {
                merged.append(handling.time)
            }
        }
        return merged
    }

    /// Adds a time to the hours that it lies in.
    private func add(_ measure: Measure, _ time: AgentTime, _ cells: [UInt32], _ output: inout DerivationOutput) {
        var from = time.start
        while from < time.stop {
            let boundary = (from >= 0 ? from / Self.quarter + 1 : (from + 1) / Self.quarter) * Self.quarter
            let to = min(time.stop, boundary)
            let milliseconds = DerivationOutput.milliseconds(from: from, to: to) ?? 0
            for cell in cells { output.add(measure, at: from, value: milliseconds, cells: cell) }
            from = to
        }
    }
}
