extension DerivationOutput {
    /// The time from `start` to `end` (µs) in milliseconds, rounded half to even; `nil` when it exceeds 64 bits.
    public static func milliseconds(from start: Int64, to end: Int64) -> Int64? {
        let (micros, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow else { return nil }
        var (quotient, rest) = micros.quotientAndRemainder(dividingBy: 1000)
        if rest < 0 {
            quotient -= 1
            rest += 1000
        }
        return rest > 500 || (rest == 500 && quotient & 1 == 1) ? quotient + 1 : quotient
    }
}
