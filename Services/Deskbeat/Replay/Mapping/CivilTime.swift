/// A local date and time without zone, and the day arithmetic of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
package struct CivilTime: Equatable, Sendable {
    package var year = 1970
    package var month = 1
    package var day = 1
    package var hour = 0
    package var minute = 0
    package var second = 0
    package var microsecond = 0

    package init() {}

    /// From microseconds since 1970-01-01T00:00:00 of the same clock.
    package init(micros: Int64) {
        let (days, rest) = micros.flooredQuotient(86_400_000_000)
        let shifted = days + 719_468
        let (era, ofEra) = shifted.flooredQuotient(146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        hour = Int(rest / 3_600_000_000)
        minute = Int(rest / 60_000_000 % 60)
        second = Int(rest / 1_000_000 % 60)
        microsecond = Int(rest % 1_000_000)
    }

    package static func daysInMonth(year: Int, month: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Whether every part is within its range; 60 is no second here (spec: RFC 3339 without leap seconds).
    package var isValid: Bool {
        (0...9_999).contains(year) && (1...12).contains(month) && day >= 1
            && day <= Self.daysInMonth(year: year, month: month)
            && (0...23).contains(hour) && (0...59).contains(minute) && (0...59).contains(second)
            && (0...999_999).contains(microsecond)
    }

    /// Microseconds since 1970-01-01T00:00:00 on the same clock. The parts must be valid.
    package var micros: Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let (era, yearOfEra) = shifted.flooredQuotient(400)
        let dayOfYear = (153 * Int64(month > 2 ? month - 3 : month + 9) + 2) / 5 + Int64(day) - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return ((days * 24 + Int64(hour)) * 60 + Int64(minute)) * 60_000_000 + Int64(second) * 1_000_000
            + Int64(microsecond)
    }

    /// The same clock time `months` later; a day that the month lacks becomes its last one.
    package func adding(months: Int64) -> CivilTime {
        let (year, month) = (Int64(year) * 12 + Int64(self.month - 1) + months).flooredQuotient(12)
        var result = self
        result.year = Int(year)
        result.month = Int(month) + 1
        result.day = min(day, Self.daysInMonth(year: result.year, month: result.month))
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
