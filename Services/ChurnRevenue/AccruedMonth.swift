import BusinessTime

/// The recurring revenue of one month, accrued by day: each day the share 1 / (days of the month) of the MRR that it ends with.
struct AccruedMonth: Equatable {
    /// The MRR of its days, added up: minor units.
    var mrrDays: Int64
    var days: Int64
    /// An instant of its last day that has accrued, and its end.
    var last: Int64
    var end: Int64

    /// The months with MRR up to the one of `until`, ascending.
    static func all(of states: [CustomerHistory.State], _ zone: BusinessZone, until: Int64) -> [AccruedMonth] {
        var months: [AccruedMonth] = []
        let lastDay = zone.day(at: until).number
        for (index, state) in states.enumerated() where state.mrr > 0 {
            // Of several states of one day the last one counts; the day of the next state is no longer this one's.
            let end = index + 1 < states.count ? zone.day(at: states[index + 1].time).number : lastDay + 1
            var day = zone.day(at: state.time).number
            while day < end {
                let bucket = WindowKind.month.bucket(ofDay: day)
                let first = WindowKind.month.firstDay(ofBucket: bucket)
                let next = WindowKind.month.firstDay(ofBucket: bucket + 1)
                let bounds = zone.bounds(of: .month, bucket: bucket)
                let share = state.mrr * (min(end, next) - day)
                let last = min(zone.startOfDay(lastDay), zone.startOfDay(next - 1))
                if let known = months.last, known.end == bounds.end {
                    months[months.count - 1].mrrDays += share
                } else {
                    months.append(AccruedMonth(mrrDays: share, days: next - first, last: last, end: bounds.end))
                }
                day = next
            }
        }
        return months
    }
}
