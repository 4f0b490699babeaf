/// A figure from elsewhere, to be shown beside a KPI. Nobody here invents one: they come from the rules file.
public struct Benchmark: Hashable, Sendable {
    public var kpi: String
    public var label: String
    /// In the unit in which the KPI is published.
    public var value: Double
    public var source: String
    public var year: Int
    /// The series beside which it stands; nil: all of the KPI.
    public var dimensions: [String: String]?

    public init(
        kpi: String, label: String, value: Double, source: String, year: Int, dimensions: [String: String]? = nil
    ) {
        self.kpi = kpi
        self.label = label
        self.value = value
        self.source = source
        self.year = year
        self.dimensions = dimensions
    }

    func matches(_ cell: [(name: String, value: String)]) -> Bool {
        guard let dimensions else { return true }
        return cell.count == dimensions.count && cell.allSatisfy { dimensions[$0.name] == $0.value }
    }
}
