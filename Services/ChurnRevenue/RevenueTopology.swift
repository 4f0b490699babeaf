import BusinessTime
import KPIs
public import ServiceKit
public import Streams
import SupportEvents

/// The stages of churn and revenue: customers, periods and ticketing's counts become contributions, contributions become KPI
/// updates.
public struct RevenueTopology: Sendable {
    private let entity: EntityStageSettings
    private let finance: EntityStageSettings
    private let rules: RevenueRules
    private let catalogue: KPICatalogue
    private let zone: BusinessZone
    private let series: SeriesSettings
    let partitions: Int32

    /// - Throws: ``SetupError`` when the rules name an unknown KPI, window, dimension or time zone.
    public init(rules: Rules, partitions: Int32) throws(SetupError) {
        self.rules = rules.revenue
        catalogue = try KPISetup.catalogue(RevenueKPIs.definitions(rules.revenue), rules)
        zone = try KPISetup.zone(rules)
        var series = KPISetup.series(rules, service: "churn-revenue")
        series.currency = rules.revenue.currency
        series.currencyDigits = rules.revenue.digits
        self.series = series
        self.partitions = partitions
        let own: Set<Dimension> = [.segment, .tier, .plan]
        let usual: [[Dimension]] = [[.segment], [.tier], [.plan]]
        let asked = try KPISetup.breakdowns(rules).filter { own.isSuperset(of: $0) && !usual.contains($0) }
        entity = EntityStageSettings(
            kind: .customer, keyField: .customerID,
            classes: EventClasses(
                creations: [EventType.customerCreated.rawValue, EventType.subscriptionStarted.rawValue],
                deletions: [EventType.customerClosed.rawValue, EventType.customerErased.rawValue],
                void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: usual + asked, rulesFingerprint: rules.fingerprint
        ).of(rules)
        finance = EntityStageSettings(
            kind: .period, keyField: .period,
            classes: EventClasses(
                creations: [], deletions: [EventType.periodClosed.rawValue], void: EventType.eventVoided.rawValue),
            zone: zone, catalogue: catalogue, breakdowns: [], rulesFingerprint: rules.fingerprint
        ).of(rules)
    }

    /// The task of one partition of `support.customers`.
    public func entityTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(entity, derivation: CustomerDerivation(rules, zone), context: context)
    }

    /// The task of one partition of `support.finance`.
    public func financeTask(_ context: TaskContext) -> any StreamTask {
        EntityTask(finance, derivation: FinanceDerivation(rules, zone), context: context)
    }

    /// The task of one partition of `support.alerts`.
    public func ticketsTask(_ context: TaskContext) -> any StreamTask { TicketCounts(catalogue, context) }

    /// The task of one partition of the cells.
    public func seriesTask(_ context: TaskContext) -> any StreamTask {
        SeriesTask(catalogue: catalogue, zone: zone, settings: series, context: context)
    }

    public var audit: AuditPlan {
        AuditPlan(
            entities: [
                AuditPlan.EntityStage(settings: entity) { [rules, zone] in CustomerDerivation(rules, zone) },
                AuditPlan.EntityStage(name: "finance", settings: finance) { [rules, zone] in
                    FinanceDerivation(rules, zone)
                },
            ],
            catalogue: catalogue, zone: zone, series: series,
            published: PublishedCounts(
                stage: "tickets", measures: TicketCounts.kpis, dimensions: TicketCounts.dimensions))
    }
}
