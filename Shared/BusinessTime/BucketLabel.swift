/// The text by which a calendar bucket is named in series ids: `2026-11-22`, `2026-11-22T09+01:00`, `2026-W47`,
/// `2026-11`, `2026-Q4`, `2026`.
public enum BucketLabel {
    /// Appends the label of a bucket; nothing for rolling windows and gauges.
    public static func append(_ kind: WindowKind, bucket: Int64, to text: inout [UInt8]) {
        switch kind {
        case .hour:
            let hour = HourBucket(packed: bucket)
            append(hour.day.date, to: &text)
            text.append(UInt8(ascii: "T"))
            append(hour.hour - hour.day.number * 24, width: 2, to: &text)
            appendOffset(hour.offset, to: &text)
        case .day:
            append(CivilDate(dayNumber: bucket), to: &text)
        case .week:
            let week = CivilDate.isoWeek(ofDay: kind.firstDay(ofBucket: bucket))
            append(Int64(week.year), width: 4, to: &text)
            text.append(contentsOf: "-W".utf8)
            append(Int64(week.week), width: 2, to: &text)
        case .month, .quarter, .year:
            let date = CivilDate(dayNumber: kind.firstDay(ofBucket: bucket))
            append(Int64(date.year), width: 4, to: &text)
            if kind == .month {
                text.append(UInt8(ascii: "-"))
                append(Int64(date.month), width: 2, to: &text)
            } else if kind == .quarter {
                text.append(contentsOf: "-Q".utf8)
                append(Int64((date.month + 2) / 3), width: 1, to: &text)
            }
        case .rolling24Hours, .rolling7Days, .rolling30Days, .now:
            break
        }
    }

    /// The label as a string.
    public static func text(_ kind: WindowKind, bucket: Int64) -> String {
        var text: [UInt8] = []
        append(kind, bucket: bucket, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends `+hh:mm` or `-hh:mm`. Seconds of an offset, which RFC 3339 cannot write, are cut.
    public static func appendOffset(_ seconds: Int64, to text: inout [UInt8]) {
        let minutes = abs(seconds / 60)
        text.append(seconds / 60 < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        append(minutes / 60, width: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(minutes % 60, width: 2, to: &text)
    }

    /// Appends `yyyy-mm-dd`.
    public static func append(_ date: CivilDate, to text: inout [UInt8]) {
        append(Int64(date.year), width: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(Int64(date.month), width: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(Int64(date.day), width: 2, to: &text)
    }

    private static func append(_ number: Int64, width: Int, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        var rest = number
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / divisor % 10))
            rest %= divisor
            divisor /= 10
        }
    }
}
