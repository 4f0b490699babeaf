/// By which version of the rules the stages work.
package enum RulesCheck {
    /// - Parameters:
    ///   - lags: Of every stage and input partition that exists.
    ///   - newest: The newest version, 0 when none has been published.
    package static func finding(_ lags: [IdleLag], newest: Int64) -> Finding {
        let old = Set(lags.filter(\.hasOldRules).map(\.stage)).sorted()
        guard !old.isEmpty else {
            return Finding(
                "rules", .ok, newest == 0 ? "built in; none have been published" : "version \(newest) everywhere")
        }
        return Finding(
            "rules", .warn, "\(old.joined(separator: ", ")): version \(newest) is not in force yet",
            advice: "a service takes over within seconds; one that is stopped, when it starts; else see its log")
    }
}
