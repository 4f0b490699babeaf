public import KPIs

/// `staffing` and `shrinkage`: how agents are planned.
extension Rules {
    /// - Parameters:
    ///   - threshold: Seconds within which calls are to be answered.
    ///   - target: The share of calls that are.
    /// - Throws: Every fault of the sections, with line and column.
    public func staffing(
        threshold: Double = 20, target: Double = 0.8, file: String = "rules.yaml"
    ) throws(RulesError) -> StaffingSettings {
        var reader = RulesReader()
        let settings = reader.staffing(self, threshold: threshold, target: target)
        guard reader.faults.isEmpty else { throw RulesError(file: file, diagnostics: reader.faults) }
        return settings
    }
}

extension RulesReader {
    mutating func staffing(_ rules: Rules, threshold: Double = 20, target: Double = 0.8) -> StaffingSettings {
        var settings = StaffingSettings(threshold: threshold, target: target)
        if let node = rules.sections["shrinkage"], let shrinkage = figure(node, "shrinkage") {
            if 0..<1 ~= shrinkage {
                settings.shrinkage = shrinkage
            } else {
                fault(node, "shrinkage", "\(node.kind) is no share", "write for example 0.3 or 30%")
            }
        }
        guard let node = rules.sections["staffing"] else { return settings }
        for entry in mapping(node, "staffing", example: "{arrivals: p75}") ?? [] {
            guard entry.key == "arrivals" else {
                unknownKey(entry, in: "staffing", known: ["arrivals"])
                continue
            }
            guard let name = name(entry.value, "staffing.arrivals", among: ["p75", "mean"]) else { continue }
            settings.arrivals = name == "mean" ? .mean : .p75
        }
        return settings
    }
}
