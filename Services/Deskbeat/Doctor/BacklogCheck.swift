import ServiceKit

/// What the stages have not read yet.
package enum BacklogCheck {
    /// From so many records on, a stage's lag is worth a look: about 10 s of work of one thread.
    static let worthALook: Int64 = 100_000

    /// - Parameters:
    ///   - lags: Of every stage and input partition that exists.
    package static func findings(_ lags: [IdleLag]) -> [Finding] {
        var byStage: [String: (behind: Int64, hasPosition: Bool)] = [:]
        for lag in lags {
            let before = byStage[lag.stage] ?? (0, false)
            byStage[lag.stage] = (
                before.behind + max(0, lag.end - (lag.position ?? 0)), before.hasPosition || lag.position != nil
            )
        }
        var findings: [Finding] = []
        let idle = byStage.filter { !$0.value.hasPosition && $0.value.behind > 0 }.keys.sorted()
        if !idle.isEmpty {
            findings.append(
                Finding(
                    "lag", .warn, "\(idle.joined(separator: ", ")): records wait, and nothing was ever committed",
                    advice: "start the service; if it runs, see its /readyz"))
        }
        for (stage, lag) in byStage.sorted(by: { $0.key < $1.key })
        where lag.hasPosition && lag.behind >= worthALook {
            findings.append(
                Finding(
                    "lag", .warn, "\(stage) is \(Humanise.count(lag.behind)) records behind",
                    advice: "docs/operations.md, Lag: threads, then processes"))
        }
        if findings.isEmpty {
            let total = byStage.values.reduce(Int64(0)) { $0 + $1.behind }
            findings.append(
                Finding("lag", .ok, "\(byStage.count) stages, \(Humanise.count(total)) records to be read"))
        }
        return findings
    }
}
