import CSimdjson

/// Instants as RFC 3339 text. Inside the project an instant is microseconds since 1970-01-01T00:00:00Z.
public enum RFC3339 {
    /// How the part below a second is written.
    public enum Fraction: Sendable {
        /// Not at all.
        case none
        /// Always six digits, so that texts compare as instants do.
        case micros
        /// As many digits as needed.
        case shortest
    }

    /// Years 0000 to 9999, in microseconds, shrunk by the greatest offset.
    private static let range: ClosedRange<Int64> = -62_167_132_800_000_000...253_402_214_399_999_999

    /// Appends an instant with its offset (`Z` for 0), at most a day. Instants outside years 0000 to 9999 are written
    /// as the nearest one inside.
    public static func write(
        _ micros: Int64, offsetMinutes: Int = 0, fraction: Fraction = .shortest, into bytes: inout [UInt8]
    ) {
        precondition(abs(offsetMinutes) < 24 * 60, "an offset is less than a day")
        let local = min(max(micros, range.lowerBound), range.upperBound) + Int64(offsetMinutes) * 60_000_000
        var (seconds, part) = local.quotientAndRemainder(dividingBy: 1_000_000)
        if part < 0 {
            seconds -= 1
            part += 1_000_000
        }
        var (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        if second < 0 {
            days -= 1
            second += 86_400
        }
        let (year, month, day) = civil(days)
        digits2(year / 100, &bytes)
        digits2(year % 100, &bytes)
        bytes.append(UInt8(ascii: "-"))
        digits2(month, &bytes)
        bytes.append(UInt8(ascii: "-"))
        digits2(day, &bytes)
        bytes.append(UInt8(ascii: "T"))
        digits2(second / 3600, &bytes)
        bytes.append(UInt8(ascii: ":"))
        digits2(second / 60 % 60, &bytes)
        bytes.append(UInt8(ascii: ":"))
        digits2(second % 60, &bytes)
        if fraction == .micros || (fraction == .shortest && part != 0) {
            bytes.append(UInt8(ascii: "."))
            var divisor: Int64 = 100_000
            while divisor > 0, fraction == .micros || part > 0 {
                bytes.append(0x30 + UInt8(truncatingIfNeeded: part / divisor))
                part %= divisor
                divisor /= 10
            }
        }
        if offsetMinutes == 0 {
            bytes.append(UInt8(ascii: "Z"))
        } else {
            bytes.append(UInt8(ascii: offsetMinutes < 0 ? "-" : "+"))
            digits2(Int64(abs(offsetMinutes) / 60), &bytes)
            bytes.append(UInt8(ascii: ":"))
            digits2(Int64(abs(offsetMinutes) % 60), &bytes)
        }
    }

    /// An instant as a string.
    public static func string(_ micros: Int64, offsetMinutes: Int = 0, fraction: Fraction = .shortest) -> String {
        var bytes: [UInt8] = []
        write(micros, offsetMinutes: offsetMinutes, fraction: fraction, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads `date-time`: offset required, `t` and `z` in either case, up to nine fraction digits (cut to
    /// microseconds), `:60` refused. Nil when the text is anything else.
    public static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        var micros: Int64 = 0
        guard unsafe db_parse_time(bytes, bytes.count, &micros) else { return nil }
        return micros
    }

    /// Year, month and day of days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func digits2(_ value: Int64, _ bytes: inout [UInt8]) {
        bytes.append(0x30 + UInt8(truncatingIfNeeded: value / 10))
        bytes.append(0x30 + UInt8(truncatingIfNeeded: value % 10))
    }
}
