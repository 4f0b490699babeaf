/// What an audit has found.
package struct AuditReport: Sendable {
    /// Something that is published and recomputed differently.
    package struct Difference: Sendable, Equatable {
        package enum Kind: String, Sendable {
            /// Published, with another content.
            case different
            /// Not published.
            case missing
            /// Published, and should not be.
            case extra
            /// Against the rules of the stream: an id twice, a sequence that does not rise.
            case stream
        }

        package var kind: Kind
        /// Key of the alert.
        package var key: String
        /// The member of `data`, or what is at fault.
        package var member: String
        package var published: String
        package var recomputed: String
    }

    /// What was not compared, by the reason.
    package enum Skipped: String, CaseIterable, Sendable {
        case history = "windows that are history: they no longer change"
        case moving = "values that events or timers of just now touch"
        case notInForce = "windows that the rules in force do not publish"
        case earlierRules = "windows that earlier versions of the rules have a part in"
        case manyValues = "windows of a dimension with more than 1,000 values"
        case unknown = "windows of KPIs that the audit cannot recompute"
        case retired = "windows whose last update has left the topic by its retention"
        case deadLettered = "events that the service has refused (see the dead letters)"
    }

    /// Windows and facts that were compared.
    package var values = 0
    package var differences: [Difference] = []
    package private(set) var skipped: [Skipped: Int] = [:]
    /// Events that were read.
    package var events = 0
    /// Contributions that they amount to.
    package var contributions = 0
    /// Updates and facts on the alerts topic.
    package var alerts = 0

    package init() {}

    package mutating func skip(_ reason: Skipped, _ count: Int = 1) {
        if count > 0 { skipped[reason, default: 0] += count }
    }

    package mutating func add(
        _ kind: Difference.Kind, _ key: String, _ member: String, published: String, recomputed: String
    ) {
        differences.append(
            Difference(kind: kind, key: key, member: member, published: published, recomputed: recomputed))
    }
}
