/// Goals in the changelog: a part of their bucket's record.
extension SeriesStore {
    func encodeGoals(of bucket: UInt32, to output: inout [UInt8]) {
        var states: [GoalState] = []
        var index = slab.buckets[Int(bucket)].firstGoal
        while index != BucketSlab.none {
            states.append(slab.goals[Int(index)])
            index = slab.goals[Int(index)].next
        }
        states.sort { goals[Int($0.goal)].code < goals[Int($1.goal)].code }
        Varint.append(UInt64(states.count), to: &output)
        for state in states {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                output.append(UInt8(truncatingIfNeeded: goals[Int(state.goal)].code >> shift))
            }
            output.append(state.flags.rawValue)
            Varint.append(UInt64(state.ordinal), to: &output)
            Varint.append(signed: state.pendingSince, to: &output)
            Varint.append(signed: state.since, to: &output)
        }
    }

    /// States of goals that the rules do not have any more are forgotten.
    mutating func decodeGoals(of bucket: UInt32, _ value: RawSpan, _ reader: inout RecordReader) throws(KPIError) {
        for _ in 0..<(try reader.narrow(value, as: UInt16.self)) {
            var code: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 8) { code |= UInt64(try reader.byte(value)) << shift }
            let flags = GoalState.Flags(rawValue: try reader.byte(value))
            let ordinal = try reader.narrow(value, as: UInt32.self)
            let pendingSince = try reader.signed(value)
            let since = try reader.signed(value)
            guard let goal = goals.firstIndex(where: { $0.code == code }) else { continue }
            let index = slab.ensureGoal(UInt16(goal), in: bucket)
            slab.goals[Int(index)].flags = flags
            slab.goals[Int(index)].ordinal = ordinal
            slab.goals[Int(index)].pendingSince = pendingSince
            slab.goals[Int(index)].since = since
            waitForGoal(index, in: bucket, wall: nil)
        }
    }
}
