/// The series of each KPI with the fewest dimensions: the overall one, or, where figures over all values of a dimension would
/// mean nothing (`survey_response_rate` has always its `kind`), one for each of its values.
package struct BroadestSeries: Sendable {
    private var fewest: [String: Int] = [:]

    package init() {}

    /// Whether no series of the KPI with fewer dimensions has been seen; those seen before may have more.
    package mutating func admits(_ key: KPIKey) -> Bool {
        let least = min(fewest[key.kpi] ?? .max, key.cell.count)
        fewest[key.kpi] = least
        return key.cell.count == least
    }

    /// Whether the key is one of the broadest, of all that have been seen.
    package func contains(_ key: KPIKey) -> Bool { fewest[key.kpi] == key.cell.count }
}
