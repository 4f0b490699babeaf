import BusinessTime
import Testing

let second: Micros = 1_000_000
let hour: Micros = 3_600 * second

/// UTC instant of civil fields.
func utc(_ year: Int, _ month: Int, _ day: Int, _ hours: Int64 = 0, _ minutes: Int64 = 0, _ seconds: Int64 = 0) throws
    -> Micros
{
    let date = try #require(CivilDate(year: year, month: month, day: day))
    return (date.dayNumber * 86_400 + hours * 3_600 + minutes * 60 + seconds) * second
}

func dayNumber(_ year: Int, _ month: Int, _ day: Int) throws -> Int64 {
    try #require(CivilDate(year: year, month: month, day: day)).dayNumber
}

let extremes: [Int64] = [
    .min, .min + 1, -(1 << 62), -1 << 53, -86_400_000_001, -1, 0, 1, 1 << 40, 1 << 62, .max - 1, .max,
]
