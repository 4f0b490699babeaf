import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The two stages of ticketing: tickets become contributions, contributions become KPI updates.
public struct TicketingTopology: Sendable {
    private let entity: EntityStageSettings
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    let partitions: Int32

    /// - Throws: ``SetupError`` when the rules name an unknown KPI, window, dimension or time zone.
    public init(rules: Rules, partitions: Int32) throws(SetupError) {
        catalogue = try KPISetup.catalogue(TicketingKPIs.definitions, rules)
        zone = try KPISetup.zone(rules)
        series = KPISetup.series(rules, service: "ticketing")
        self.partitions = partitions
        entity = EntityStageSettings(
            kind: .ticket, keyField: .ticketID,
            classes: EventClasses(
                creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
                void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: try KPISetup.breakdowns(rules))
    }

    /// The task of one partition of `support.tickets`.
    public func entityTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(entity, derivation: TicketDerivation(), context: context)
    }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        AuditPlan(
            entities: [AuditPlan.EntityStage(settings: entity) { TicketDerivation() }], catalogue: catalogue,
            zone: zone, series: series)
    }
}
