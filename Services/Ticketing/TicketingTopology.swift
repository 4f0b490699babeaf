import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The stages of ticketing: tickets and contacts become contributions, and tell their customers and each other what only
/// several of them together can decide; contributions become KPI updates.
public struct TicketingTopology: Sendable {
    private let tickets: EntityStageSettings
    private let contacts: EntityStageSettings
    private let links: EntityStageSettings
    private let rules: ContactRules
    private let namesAgents: Bool
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    private let businessTime: BusinessCalendars
    let partitions: Int32

    /// Indices of the outputs of the stages of tickets and of contacts.
    static let (contributions, facts) = (0, 1)

    /// - Throws: ``SetupError`` when the rules name an unknown KPI, window, dimension or time zone.
    public init(rules: Rules, partitions: Int32) throws(SetupError) {
        let catalogue = try KPISetup.catalogue(
            TicketingKPIs.definitions(rules.contacts, try KPISetup.staffing(rules)), rules)
        let zone = try KPISetup.zone(rules)
        let breakdowns = try KPISetup.breakdowns(rules)
        self.catalogue = catalogue
        self.zone = zone
        series = KPISetup.series(rules, service: "ticketing")
        businessTime = try KPISetup.businessCalendars(rules, zone)
        self.rules = rules.contacts
        namesAgents = rules.agents != .off
        self.partitions = partitions
        // 0 for the defaults, which change nothing.
        let fingerprint = rules.contacts.fingerprint ^ (namesAgents ? 0 : 1)
        func settings(
            _ kind: EntityKind, _ keyField: EventField, creations: [EventType], deletions: [EventType] = []
        ) -> EntityStageSettings {
            EntityStageSettings(
                kind: kind, keyField: keyField,
                classes: EventClasses(
                    creations: creations.map(\.rawValue), deletions: deletions.map(\.rawValue),
                    void: EventType.eventVoided.rawValue),
                zone: zone, catalogue: catalogue, breakdowns: breakdowns, rulesFingerprint: fingerprint
            ).of(rules)
        }
        var tickets = settings(.ticket, .ticketID, creations: [.ticketCreated], deletions: [.ticketDeleted])
        tickets.removals = [EventType.ticketDeleted, .ticketMerged].map(\.rawValue)
        tickets.factOutput = Self.facts
        tickets.rulesFingerprint ^= businessTime.fingerprint
        var contacts = settings(.contact, .contactID, creations: [.contactQueued])
        contacts.others = [EntityName(.agent, .agentID)]
        contacts.rolling = [.agent]
        contacts.factOutput = Self.facts
        var links = settings(.ticket, .ticketID, creations: [])
        links.others = [EntityName(.customer, .customerID), EntityName(.agent, .agentID)]
        links.firstFactInput = 0
        self.tickets = tickets
        self.contacts = contacts
        self.links = links
    }

    /// The task of one partition of `support.tickets`.
    public func entityTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(
            tickets,
            derivation: TicketDerivation(rules, namesAgents: namesAgents, businessTime: businessTime), context: context)
    }

    /// The task of one partition of `support.contacts`.
    public func contactTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(contacts, derivation: ContactDerivation(rules, namesAgents: namesAgents), context: context)
    }

    /// The task of one partition of what tickets and contacts state.
    public func linkTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(links, derivation: LinkDerivation(rules, namesAgents: namesAgents), context: context)
    }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        let (rules, namesAgents, businessTime) = (rules, namesAgents, businessTime)
        return AuditPlan(
            entities: [
                AuditPlan.EntityStage(settings: tickets) {
                    TicketDerivation(rules, namesAgents: namesAgents, businessTime: businessTime)
                },
                AuditPlan.EntityStage(name: "contacts", settings: contacts) {
                    ContactDerivation(rules, namesAgents: namesAgents)
                },
                AuditPlan.EntityStage(name: "links", settings: links) {
                    LinkDerivation(rules, namesAgents: namesAgents)
                },
            ], catalogue: catalogue, zone: zone, series: series)
    }
}
