import KPIs
import ServiceKit
import Streams
import SupportEvents

/// When an agent was signed in, by the agent's states: what the agent tells each of its days.
struct AgentShifts {
    private static let hour: Int64 = 3_600_000_000

    func tell(_ timeline: [TimelineEvent], clock: Int64, _ output: inout DerivationOutput) throws(InternalRecordError) {
        guard output.keeps(ContactMeasure.onDuty) || output.keeps(ContactMeasure.signedIn) else { return }
        var days: [Int64: (values: DimensionValues, packed: [UInt8])] = [:]
        let firstDay = timeline.horizon.map { $0 / AgentTime.day }
        if let firstDay {
            output.letStand { key in AgentTime.day(ofKey: key).map { $0 < firstDay } ?? false }
        }
        var attributes = DimensionValues()
        attributes[.agent] = output.label(String(decoding: output.key, as: UTF8.self))
        for (index, event) in timeline.enumerated() {
            try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
                if field.field == .team { attributes[.team] = output.label(field, of: payload) }
            }
            guard let state = event.agentState, state != .offline else { continue }
            var time = AgentTime(start: event.time, stop: event.time + AgentTime.longest)
            if index + 1 < timeline.count {
                time.stop = min(time.stop, timeline[index + 1].time)
            } else {
                // Of what still lasts the full hours count.
                let now = clock / Self.hour * Self.hour
                if now < time.stop {
                    time.stop = now
                    output.deriveAgain(at: max(now, event.time) + Self.hour)
                }
            }
            for (day, part) in time.byDay where firstDay.map({ day >= $0 }) ?? true {
                var packed = days[day]?.packed ?? []
                for number in [part.start, part.stop, state == .onBreak ? 1 : 0] { packed.appendSignedVarint(number) }
                days[day] = (attributes, packed)
            }
        }
        for (day, told) in days.sorted(by: { $0.key < $1.key }) {
            guard let key = AgentTime.key(output.key, day: day) else { return }
            var payload = output.payload(of: told.values)
            payload.append(.work, told.packed)
            output.state(
                Fact(kind: LinkFact.statesOfAgent, time: day * AgentTime.day, payload: payload), to: .agent, key)
        }
    }

    /// The last state before an instant, and the last word on the agent's team.
    func decisive(
        _ timeline: [TimelineEvent], before instant: Int64, _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> [Int] {
        var (state, team): (Int?, Int?) = (nil, nil)
        for (place, event) in timeline.enumerated() where event.time < instant {
            state = place
            try output.forEachField(of: event) { (field, _, _) throws(InternalRecordError) in
                if field.field == .team { team = place }
            }
        }
        return [team, state].compactMap(\.self)
    }
}
