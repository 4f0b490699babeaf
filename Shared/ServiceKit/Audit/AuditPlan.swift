public import BusinessTime
public import KPIs
public import Streams

/// What a service's audit recomputes, and with which functions.
public struct AuditPlan: Sendable {
    /// A stage whose entities contribute to the service's KPIs.
    public struct EntityStage: Sendable {
        /// The stage's name.
        public var name: String
        public var settings: EntityStageSettings
        public var derivation: @Sendable () -> any EntityDerivation

        public init(
            name: String = "entity", settings: EntityStageSettings,
            derivation: @escaping @Sendable () -> any EntityDerivation
        ) {
            self.name = name
            self.settings = settings
            self.derivation = derivation
        }
    }

    /// In the order of the flow: what states facts before what is told them.
    public var entities: [EntityStage]
    /// The name of the stage that publishes the KPIs.
    public var seriesStage: String
    public var catalogue: KPICatalogue
    public var zone: BusinessZone
    public var series: SeriesSettings
    /// From when on the rules hold, µs since 1970: windows that had ended by then keep what earlier ones say.
    public var rulesSince = Int64.min
    /// Measures that no stage among ``entities`` contributes to; KPIs that read them are not recomputed.
    public var external: Set<Measure>
    /// Counts that the service takes from what another one publishes.
    public var published: PublishedCounts?

    public init(
        entities: [EntityStage], seriesStage: String = "series", catalogue: KPICatalogue, zone: BusinessZone,
        series: SeriesSettings, external: Set<Measure> = [], published: PublishedCounts? = nil
    ) {
        self.published = published
        self.external = external
        self.entities = entities
        self.seriesStage = seriesStage
        self.catalogue = catalogue
        self.zone = zone
        self.series = series
        rulesSince = entities.first?.settings.rulesSince ?? .min
    }
}

/// Counts of months that a service takes from KPI updates on the alerts topic.
public struct PublishedCounts: Sendable {
    /// The stage that reads them.
    public var stage: String
    /// By the id of the KPI: what its values are added to.
    public var measures: [String: Measure]
    /// The series that count: the overall one, and those of one of these dimensions.
    public var dimensions: Set<String>

    public init(stage: String, measures: [String: Measure], dimensions: Set<String>) {
        self.stage = stage
        self.measures = measures
        self.dimensions = dimensions
    }
}

/// A service whose KPIs can be recomputed in one batch.
public protocol AuditedService: Sendable {
    /// `ticketing`; the program is called `deskbeat-ticketing`.
    static var service: String { get }

    init(rules: Rules, partitions: Int32) throws

    /// What runs, in the order of the flow.
    func stages(_ environment: ServiceEnvironment) -> [StageDefinition]

    var audit: AuditPlan { get }
}
