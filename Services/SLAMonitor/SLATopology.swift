import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The stages of the SLA monitor: tickets and contacts become facts and verdicts, verdicts become KPI updates.
public struct SLATopology: Sendable {
    private let tickets: EntityStageSettings
    private let contacts: EntityStageSettings
    private let customers: EntityStageSettings
    private let promises: SLAPromises
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    let partitions: Int32

    /// - Throws: ``SetupError`` or `RulesError` when the rules cannot be used.
    public init(rules: Rules, partitions: Int32) throws {
        catalogue = try KPISetup.catalogue(SLAKPIs.definitions, rules)
        zone = try KPISetup.zone(rules)
        series = KPISetup.series(rules, service: "sla-monitor")
        promises = try SLAPromises(rules, zone: zone)
        self.partitions = partitions
        let sources = try rules.watchedSources()
        var tickets = EntityStageSettings(
            kind: .ticket, keyField: .ticketID,
            classes: EventClasses(
                creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
                void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: SLAKPIs.breakdowns, rulesFingerprint: rules.fingerprint
        ).of(rules)
        tickets.removals = [EventType.ticketDeleted, .ticketMerged].map(\.rawValue)
        tickets.sources = sources
        tickets.hasUrgentTimers = true
        tickets.factOutput = Self.facts
        self.tickets = tickets
        var contacts = EntityStageSettings(
            kind: .contact, keyField: .contactID,
            classes: EventClasses(
                creations: [EventType.contactQueued.rawValue], deletions: [], void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: SLAKPIs.breakdowns, rulesFingerprint: rules.fingerprint
        ).of(rules)
        // Agents' states are on the same topic, and calls that nothing is promised for are not kept.
        contacts.ignored = promises.concernCalls ? [.agent] : [.agent, .contact]
        contacts.sources = sources
        contacts.hasUrgentTimers = true
        contacts.factOutput = Self.facts
        self.contacts = contacts
        var customers = EntityStageSettings(
            kind: .customer, keyField: .customerID, classes: EventClasses(creations: [], deletions: [], void: 0),
            zone: zone, catalogue: catalogue, breakdowns: [])
        customers.firstFactInput = 0
        self.customers = customers
    }

    /// Index of what customers are told among the outputs of the stages of tickets and contacts.
    static let facts = 2

    /// The task of one partition of `support.tickets`.
    public func entityTask(_ context: TaskContext, lookups: EntityLookups? = nil) -> any StreamTask {
        EntityTask(tickets, derivation: SLADerivation(promises, of: .ticket), context: context, lookups: lookups)
    }

    /// The task of one partition of `support.contacts`.
    public func contactTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(contacts, derivation: SLADerivation(promises, of: .contact), context: context)
    }

    /// The task of one partition of the customers.
    public func customerTask(_ context: TaskContext, lookups: EntityLookups? = nil) -> any StreamTask {
        EntityTask(customers, derivation: CustomerDerivation(), context: context, lookups: lookups)
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
