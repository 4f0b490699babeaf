/// The footer of a TZif file: a POSIX `TZ` string with the extensions of RFC 8536 section 3.3.1 (times from -167 to 167
/// hours). It says which offsets hold behind the file's table.
struct PosixRule {
    let standardOffset: Int64
    /// Nil in zones that have no daylight-saving time any more.
    let daylight: (offset: Int64, from: ChangeDay, until: ChangeDay)?

    /// A day of the year with a wall-clock time, in seconds; the time may lie outside the day.
    struct ChangeDay {
        enum Day {
            /// 1 to 365; the leap day is never counted.
            case julian(Int64)
            /// 0 to 365; the leap day is counted.
            case ordinal(Int64)
            /// Month, week 1 to 5 (5: the last), weekday with 0 for Sunday.
            case weekday(month: Int64, week: Int64, day: Int64)
        }
        let day: Day
        let time: Int64

        /// Seconds since 1970-01-01T00:00 of the wall clock that is in force before the change.
        func localSecond(in year: Int64) -> Int64 {
            dayNumber(in: year) * TimeScale.secondsPerDay + time
        }

        private func dayNumber(in year: Int64) -> Int64 {
            let newYear = CivilDate.dayNumber(year: year, month: 1, day: 1)
            switch day {
            case .julian(let number):
                let isLeap = CivilDate.length(ofMonth: 2, year: Int(year)) == 29
                return newYear + number - 1 + (isLeap && number >= 60 ? 1 : 0)
            case .ordinal(let number):
                return newYear + number
            case .weekday(let month, let week, let weekday):
                let first = CivilDate.dayNumber(year: year, month: month, day: 1)
                let firstWeekday = Int64((CivilDate.weekday(ofDay: first) + 1) % 7)
                let length = Int64(CivilDate.length(ofMonth: Int(month), year: Int(year)))
                let offset = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
                return first + (offset < length ? offset : offset - 7)
            }
        }
    }

    /// The changes of a year as (UTC second, offset from then on), in order.
    func changes(in year: Int64) -> [(second: Int64, offset: Int64)] {
        guard let daylight else { return [] }
        let on = (second: daylight.from.localSecond(in: year) - standardOffset, offset: daylight.offset)
        let off = (second: daylight.until.localSecond(in: year) - daylight.offset, offset: standardOffset)
        return on.second < off.second ? [on, off] : [off, on]
    }

    /// Nil when the text is no rule.
    init?(_ text: ArraySlice<UInt8>) {
        var scanner = Scanner(rest: text)
        guard scanner.name(), let standard = scanner.offset() else { return nil }
        standardOffset = -standard
        guard !scanner.rest.isEmpty else {
            daylight = nil
            return
        }
        guard scanner.name() else { return nil }
        var offset = standardOffset + TimeScale.secondsPerHour
        if let next = scanner.rest.first, next != UInt8(ascii: ",") {
            guard let given = scanner.offset() else { return nil }
            offset = -given
        }
        guard scanner.take(","), let from = scanner.changeDay() else { return nil }
        guard scanner.take(","), let until = scanner.changeDay(), scanner.rest.isEmpty else { return nil }
        daylight = (offset, from, until)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard let first = rest.first, first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// A zone abbreviation: three or more letters, or anything between angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let end = rest.firstIndex { !isLetter($0) } ?? rest.endIndex
            guard end - rest.startIndex >= 3 else { return false }
            rest = rest[end...]
            return true
        }

        private func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }

        mutating func number(upTo limit: Int64) -> Int64? {
            var value: Int64 = 0
            var digits = 0
            while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 4 {
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
                digits += 1
                rest.removeFirst()
            }
            return digits > 0 && value <= limit ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(upToHours limit: Int64) -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(upTo: limit) else { return nil }
            var seconds = hours * TimeScale.secondsPerHour
            for unit: Int64 in [60, 1] where take(":") {
                guard let part = number(upTo: 59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func offset() -> Int64? { time(upToHours: 24) }

        mutating func changeDay() -> ChangeDay? {
            guard let day = day() else { return nil }
            guard take("/") else { return ChangeDay(day: day, time: 2 * TimeScale.secondsPerHour) }
            guard let time = time(upToHours: 167) else { return nil }
            return ChangeDay(day: day, time: time)
        }

        private mutating func day() -> ChangeDay.Day? {
            if take("J") {
                guard let number = number(upTo: 365), number >= 1 else { return nil }
                return .julian(number)
            }
            guard take("M") else { return number(upTo: 365).map { .ordinal($0) } }
            guard let month = number(upTo: 12), month >= 1, take("."), let week = number(upTo: 5), week >= 1,
                take("."), let day = number(upTo: 6)
            else { return nil }
            return .weekday(month: month, week: week, day: day)
        }
    }
}
