public import BusinessTime
public import KPIs
public import SupportEvents

/// What an entity stage needs to know beside its derivation.
public struct EntityStageSettings: Sendable {
    public var kind: EntityKind
    /// The member of `data` that holds the entity's id.
    public var keyField: EventField
    /// Further kinds of entity on the topic, each with a name space of its own; one derivation serves them all.
    public var others: [EntityName]
    /// Kinds of entity on the topic that this stage keeps nothing of.
    public var ignored: Set<EntityKind> = []
    /// Kinds whose oldest whole days (UTC) are let go when there is no room for a further event: what has been stated of those
    /// days stands, and an event that comes later for one of them is refused.
    public var rolling: Set<EntityKind> = []
    public var classes: EventClasses
    /// Types of events that take an entity out of everything, also when only its residue is left.
    public var removals: [UInt8] = []
    public var zone: BusinessZone
    public var catalogue: KPICatalogue
    public var breakdowns: [[Dimension]]
    /// Of whatever else the derivation depends on: another one derives every entity again.
    public var rulesFingerprint: UInt64
    /// Sources that are watched; those that hold clocks are remembered by the entities that begin with their events.
    public var sources: [WatchedSource] = []
    /// Whether what a timer brings is committed at once, instead of after the stage's interval: somebody waits for it.
    public var hasUrgentTimers = false
    /// The stage's output that takes the facts which its entities state; nil when they state none.
    public var factOutput: Int?
    /// The stage's inputs from this one on carry facts of other stages instead of events; nil when there are none.
    public var firstFactInput: Int?
    /// From how many combinations of cells on a task looks for those that nothing counts in any more.
    package var fewestCellSets = 50_000
    /// Number and time (µs) of the version of the rules; see ``of(_:)``.
    public private(set) var rulesVersion: Int64 = 0
    public private(set) var rulesSince = Int64.min

    public init(
        kind: EntityKind, keyField: EventField, classes: EventClasses, zone: BusinessZone, catalogue: KPICatalogue,
        breakdowns: [[Dimension]], rulesFingerprint: UInt64 = 0, others: [EntityName] = [], factOutput: Int? = nil,
        firstFactInput: Int? = nil
    ) {
        self.others = others
        self.factOutput = factOutput
        self.firstFactInput = firstFactInput
        self.rulesFingerprint = rulesFingerprint
        self.kind = kind
        self.keyField = keyField
        self.classes = classes
        self.zone = zone
        self.catalogue = catalogue
        self.breakdowns = breakdowns
    }

    /// The same settings as those of a published version of the rules: what is derived again for it leaves windows alone that
    /// had ended when it was published.
    public func of(_ rules: Rules) -> EntityStageSettings {
        var settings = self
        settings.rulesVersion = rules.version
        settings.rulesSince = rules.publishedAt
        return settings
    }

    /// Differs whenever another zone, other time-zone data, KPIs, windows or breakdowns would give other contributions.
    var fingerprint: UInt64 {
        var bytes = Array("\(zone.name) \(zone.fingerprint)".utf8)
        for measure in catalogue.measures {
            bytes += Array(" \(measure.id):\(catalogue.baseBucket(of: measure)?.rawValue ?? 255)".utf8)
        }
        for breakdown in breakdowns { bytes += Array(" \(breakdown.map(\.name))".utf8) }
        if rulesFingerprint != 0 { bytes += Array(" \(rulesFingerprint)".utf8) }
        return KeyHash.hash(bytes)
    }
}
