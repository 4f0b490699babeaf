import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The two stages of satisfaction: surveys and feedback become contributions, contributions become KPI updates.
public struct SatisfactionTopology: Sendable {
    private let entity: EntityStageSettings
    private let satisfiedFrom: SatisfiedFrom
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    private let namesAgents: Bool
    let partitions: Int32

    /// - Throws: ``SetupError`` when the rules name an unknown KPI, window, dimension or time zone.
    public init(rules: Rules, partitions: Int32) throws(SetupError) {
        catalogue = try KPISetup.catalogue(SatisfactionKPIs.definitions, rules)
        zone = try KPISetup.zone(rules)
        series = KPISetup.series(rules, service: "satisfaction")
        satisfiedFrom = rules.satisfiedFrom
        self.partitions = partitions
        namesAgents = rules.agents != .off
        entity = EntityStageSettings(
            kind: .survey, keyField: .surveyID,
            classes: EventClasses(
                creations: [EventType.surveySent.rawValue], deletions: [], void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue,
            breakdowns: try KPISetup.breakdowns(rules) + (namesAgents ? [[.agent]] : []),
            rulesFingerprint: rules.satisfiedFrom.fingerprint, others: [EntityName(.feedback, .feedbackID)]
        )
        .of(rules)
    }

    /// The task of one partition of `support.surveys`.
    public func entityTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(
            entity, derivation: SurveyDerivation(satisfiedFrom: satisfiedFrom, ranksAgents: namesAgents),
            context: context)
    }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        AuditPlan(
            entities: [
                AuditPlan.EntityStage(settings: entity) { [satisfiedFrom, namesAgents] in
                    SurveyDerivation(satisfiedFrom: satisfiedFrom, ranksAgents: namesAgents)
                }
            ], catalogue: catalogue,
            zone: zone, series: series)
    }
}
