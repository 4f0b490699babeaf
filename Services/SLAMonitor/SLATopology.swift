import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The stages of the SLA monitor: tickets and contacts become facts and verdicts, verdicts become KPI updates.
public struct SLATopology: Sendable {
    private let tickets: EntityStageSettings
    private let contacts: EntityStageSettings
    private let promises: SLAPromises
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    let partitions: Int32

    /// - Throws: ``SetupError`` or `RulesError` when the rules cannot be used.
    public init(rules: Rules, partitions: Int32, version: Int64?, publishedAt: Int64 = .min) throws {
        catalogue = try KPISetup.catalogue(SLAKPIs.definitions, rules)
        zone = try KPISetup.zone(rules)
        series = KPISetup.series(rules, service: "sla-monitor")
        promises = try SLAPromises(
            rules, zone: zone, version: version ?? Int64(series.rulesVersion), publishedAt: publishedAt)
        self.partitions = partitions
        tickets = EntityStageSettings(
            kind: .ticket, keyField: .ticketID,
            classes: EventClasses(
                creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
                void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: SLAKPIs.breakdowns, rulesFingerprint: rules.fingerprint
        ).of(rules)
        var contacts = EntityStageSettings(
            kind: .contact, keyField: .contactID,
            classes: EventClasses(
                creations: [EventType.contactQueued.rawValue], deletions: [], void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: SLAKPIs.breakdowns, rulesFingerprint: rules.fingerprint
        ).of(rules)
        // Agents' states are on the same topic, and calls that nothing is promised for are not kept.
        contacts.ignored = promises.concernCalls ? [.agent] : [.agent, .contact]
        self.contacts = contacts
    }

    /// The task of one partition of `support.tickets`.
    public func entityTask(_ context: TaskContext, lookups: EntityLookups? = nil) -> any StreamTask {
        EntityTask(tickets, derivation: SLADerivation(promises, of: .ticket), context: context, lookups: lookups)
    }

    /// The task of one partition of `support.contacts`.
    public func contactTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(contacts, derivation: SLADerivation(promises, of: .contact), context: context)
    }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        AuditPlan(
            entities: [
                AuditPlan.EntityStage(settings: tickets) { [promises] in SLADerivation(promises, of: .ticket) },
                AuditPlan.EntityStage(name: "contacts", settings: contacts) { [promises] in
                    SLADerivation(promises, of: .contact)
                },
            ], catalogue: catalogue, zone: zone, series: series)
    }
}
