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

    public init(
        entities: [EntityStage], seriesStage: String = "series", catalogue: KPICatalogue, zone: BusinessZone,
        series: SeriesSettings, external: Set<Measure> = []
    ) {
        self.external = external
        self.entities = entities
        self.seriesStage = seriesStage
        self.catalogue = catalogue
        self.zone = zone
        self.series = series
        rulesSince = entities.first?.settings.rulesSince ?? .min
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
