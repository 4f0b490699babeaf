import BusinessTime

/// A local date and time without zone.
package struct CivilTime: Equatable, Sendable {
    package var year = 1970
    package var month = 1
    package var day = 1
    package var hour = 0
    package var minute = 0
    package var second = 0
    package var microsecond = 0

    /// What RFC 3339 can write and the calendar has: the years 1 to 9999, in microseconds since 1970.
    package static let range: Range<Int64> = -62_135_596_800_000_000..<253_402_300_800_000_000

    package init() {}

    /// From microseconds since 1970-01-01T00:00:00 of the same clock, within `range`.
    package init(micros: Int64) {
        let (days, rest) = micros.flooredQuotient(86_400_000_000)
        let date = CivilDate(dayNumber: days)
        (year, month, day) = (date.year, date.month, date.day)
        hour = Int(rest / 3_600_000_000)
        minute = Int(rest / 60_000_000 % 60)
        second = Int(rest / 1_000_000 % 60)
        microsecond = Int(rest % 1_000_000)
    }

    /// Microseconds since 1970-01-01T00:00:00 on the same clock; nil when a part is out of its range. 60 is no second.
    package var micros: Int64? {
        guard let date = CivilDate(year: year, month: month, day: day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second), (0...999_999).contains(microsecond)
        else { return nil }
        return ((date.dayNumber * 24 + Int64(hour)) * 60 + Int64(minute)) * 60_000_000 + Int64(second) * 1_000_000
            + Int64(microsecond)
    }

    /// The same clock time `months` later; a day that the month lacks becomes its last one.
    package func adding(months: Int64) -> CivilTime {
        let (year, month) = (Int64(year) * 12 + Int64(self.month - 1) + months).flooredQuotient(12)
        var result = self
        result.year = Int(year)
        result.month = Int(month) + 1
        while result.day > 28, CivilDate(year: result.year, month: result.month, day: result.day) == nil {
            result.day -= 1
        }
        return result
    }
}

extension Int64 {
    /// Quotient rounded towards minus infinity, and the remainder in 0 ..< divisor.
    func flooredQuotient(_ divisor: Int64) -> (Int64, Int64) {
        let remainder = self % divisor
        return remainder < 0 ? (self / divisor - 1, remainder + divisor) : (self / divisor, remainder)
    }
}

/// RFC 3339 in UTC, with as many decimals (0, 3 or 6) as the instant needs.
package func appendRFC3339(_ micros: Int64, to output: inout [UInt8]) {
    let time = CivilTime(micros: micros)
    output.appendDecimal(time.year, digits: 4)
    output.append(UInt8(ascii: "-"))
    output.appendDecimal(time.month, digits: 2)
    output.append(UInt8(ascii: "-"))
    output.appendDecimal(time.day, digits: 2)
    output.append(UInt8(ascii: "T"))
    output.appendDecimal(time.hour, digits: 2)
    output.append(UInt8(ascii: ":"))
    output.appendDecimal(time.minute, digits: 2)
    output.append(UInt8(ascii: ":"))
    output.appendDecimal(time.second, digits: 2)
    if time.microsecond != 0 {
        output.append(UInt8(ascii: "."))
        if time.microsecond % 1_000 == 0 {
            output.appendDecimal(time.microsecond / 1_000, digits: 3)
        } else {
            output.appendDecimal(time.microsecond, digits: 6)
        }
    }
    output.append(UInt8(ascii: "Z"))
}

extension [UInt8] {
    /// Decimal digits of a number that is not negative, with leading zeros up to `digits`.
    mutating func appendDecimal(_ value: Int, digits: Int) {
        let start = count
        var rest = value
        var written = 0
        while written < digits || rest > 0 {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
            written += 1
        }
        self[start...].reverse()
    }
}
