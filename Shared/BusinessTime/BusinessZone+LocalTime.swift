extension BusinessZone {
    /// The instant at which the local clock shows a time of a date.
    ///
    /// A time that a clock change skips becomes the first instant behind the gap; of a repeated time it is the first occurrence.
    ///
    /// - Parameters:
    ///   - day: Days since 1970-01-01, local.
    ///   - second: Seconds of wall-clock time since local midnight; 86,400 and more run into the following days.
    public func instant(ofDay day: Int64, second: Int64) -> Micros {
        let local = (day * 86_400 + second) * 1_000_000
        let before = offset(at: local - 86_400_000_000) * 1_000_000
        let after = offset(at: local + 86_400_000_000) * 1_000_000
        if offset(at: local - before) * 1_000_000 == before { return local - before }
        if offset(at: local - after) * 1_000_000 == after { return local - after }
        // In the gap: the clock change lies between the two readings.
        var low = min(local - after, local - before) / 1_000_000
        var high = max(local - after, local - before) / 1_000_000
        let first = offset(at: low * 1_000_000)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle * 1_000_000) == first { low = middle } else { high = middle }
        }
        return high * 1_000_000
    }
}
