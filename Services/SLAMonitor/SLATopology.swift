import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The two stages of the SLA monitor: tickets become facts and verdicts, verdicts become KPI updates.
public struct SLATopology: Sendable {
    private let entity: EntityStageSettings
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
        promises = try SLAPromises(rules, zone: zone, version: Int64(series.rulesVersion), publishedAt: .min)
        self.partitions = partitions
        entity = EntityStageSettings(
            kind: .ticket, keyField: .ticketID,
            classes: EventClasses(
                creations: [EventType.ticketCreated.rawValue], deletions: [EventType.ticketDeleted.rawValue],
                void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: SLAKPIs.breakdowns, rulesFingerprint: rules.fingerprint)
    }

    /// The task of one partition of `support.tickets`.
    public func entityTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(entity, derivation: SLADerivation(promises), context: context)
    }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        AuditPlan(
            entities: [AuditPlan.EntityStage(settings: entity) { [promises] in SLADerivation(promises) }],
            catalogue: catalogue,
            zone: zone, series: series)
    }
}
