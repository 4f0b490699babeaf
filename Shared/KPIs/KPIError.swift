/// Why a contribution or a stored record could not be taken.
public enum KPIError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sum left the range of 64 bits, or a bin count that of 48 bits.
    case overflow(measure: UInt16)
    /// A duration below zero was handed to a distribution; callers count and exclude those.
    case negativeDuration(measure: UInt16)
    /// A contribution to a histogram at a place that it does not have.
    case placeOutOfRange(measure: UInt16)
    /// The catalogue has no measure with that id.
    case unknownMeasure(UInt16)
    /// The catalogue has no KPI with that code.
    case unknownKPI(UInt16)
    /// A packed record was derived under a later version of the rules than the store publishes under. Nothing was added.
    case laterRules(version: Int64)
    /// A packed record or a changelog record that cannot be read, with the place and the reason.
    case malformed(record: String, reason: String, at: Int)

    public var description: String {
        switch self {
        case .overflow(let measure): "measure \(measure) exceeds the range of its accumulator"
        case .negativeDuration(let measure): "measure \(measure) was given a negative duration"
        case .placeOutOfRange(let measure): "measure \(measure) was given a place that its histogram does not have"
        case .unknownMeasure(let measure): "measure \(measure) is not in this version's catalogue"
        case .unknownKPI(let code): "the KPI with code \(code) is not in this version's catalogue"
        case .laterRules(let version): "a record of version \(version) of the rules, which is not in force here yet"
        case .malformed(let record, let reason, let position): "\(record) cannot be read: \(reason) at byte \(position)"
        }
    }
}
