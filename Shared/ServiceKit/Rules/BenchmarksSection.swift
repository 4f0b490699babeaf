import KPIs
import SupportEvents

/// Reading `benchmarks:`.
extension RulesReader {
    mutating func benchmarks(_ node: RulesNode) -> [Benchmark] {
        let example =
            "[{kpi: csat, label: Retail, value: 0.82, source: \"Customer service survey\", year: 2025}]"
        let known = ["kpi", "label", "value", "source", "year", "dimensions"]
        var benchmarks: [Benchmark] = []
        for (index, element) in (list(node, "benchmarks", example: example) ?? []).enumerated() {
            let path = "benchmarks[\(index)]"
            guard let entries = mapping(element, path, example: example) else { continue }
            for entry in entries where !known.contains(entry.key) { unknownKey(entry, in: path, known: known) }
            func member(_ name: String) -> RulesNode? { entries.first { $0.key == name }?.value }
            guard let kpiNode = member("kpi"), let labelNode = member("label"), let valueNode = member("value"),
                let sourceNode = member("source"), let yearNode = member("year")
            else {
                fault(
                    element, path, "a benchmark needs kpi, label, value, source and year",
                    "write for example \(example); nobody can judge a figure without its source")
                continue
            }
            guard let kpi = name(kpiNode, "\(path).kpi", among: RulesNames.kpis),
                let label = text(labelNode, "\(path).label"), let value = figure(valueNode, "\(path).value"),
                let source = text(sourceNode, "\(path).source", maximumBytes: 500),
                let year = integer(yearNode, "\(path).year", in: 1900...9999)
            else { continue }
            var benchmark = Benchmark(kpi: kpi, label: label, value: value, source: source, year: year)
            if let node = member("dimensions") {
                var dimensions: [String: String] = [:]
                for entry in mapping(node, "\(path).dimensions", example: "{channel: email}") ?? [] {
                    guard Dimension(name: entry.key) != nil else {
                        unknownKey(entry, in: "\(path).dimensions", known: Dimension.allCases.map(\.name))
                        continue
                    }
                    dimensions[entry.key] = text(entry.value, "\(path).dimensions.\(entry.key)").map {
                        LabelFolding.folded($0)
                    }
                }
                benchmark.dimensions = dimensions
            }
            benchmarks.append(benchmark)
        }
        if benchmarks.count > 500 { fault(node, "benchmarks", "\(benchmarks.count) benchmarks", "write at most 500") }
        return benchmarks
    }
}
