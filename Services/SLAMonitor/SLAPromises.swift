import BusinessTime
import SLA
import ServiceKit

/// What tickets are judged by: the rules in force, and the earlier versions that some tickets go on under.
struct SLAPromises: Sendable {
    /// The rules in force: their owners and links serve all tickets.
    let levels: SLARules
    /// Of the rules in force.
    let rulesVersion: Int64
    /// In the order of their instants; the last one is in force.
    let editions: [RulesEdition]

    /// - Throws: `RulesError`, or that a time zone is not known here.
    init(_ rules: Rules, zone: BusinessZone) throws {
        levels = try rules.serviceLevels(zone: zone)
        rulesVersion = rules.version
        editions = try rules.editions()
    }

    /// Whether there is, or was, anything to judge calls by.
    var concernCalls: Bool { editions.contains { !$0.book.callPromises.isEmpty } }

    /// Whether there is, or was, anything to judge by.
    var isEmpty: Bool { editions.allSatisfy(\.book.policies.isEmpty) }
}
