import ServiceKit

/// What every ticket is judged by.
struct SLAPromises: Sendable {
    let levels: SLARules
    let rulesVersion: Int64

    init(_ levels: SLARules, rulesVersion: some BinaryInteger) {
        self.levels = levels
        self.rulesVersion = Int64(rulesVersion)
    }
}
