import BusinessTime
public import KPIs
public import Streams
public import SupportEvents

/// What a service knows about its entity: how a timeline becomes contributions.
public protocol EntityDerivation {
    /// Raised whenever the same timeline would give other contributions than before; every entity is then derived again.
    static var version: UInt32 { get }

    /// Whether it keeps ``DerivationOutput/memory``. Never changes for a stage that has state.
    static var keepsMemory: Bool { get }

    /// Whether its clocks may wait for the source of what an entity begins with (``EntityStageSettings/sources``). Never changes
    /// for a stage that has state.
    static var waitsForSources: Bool { get }

    /// What ``EntityLookups`` answer about the entity: everything, or only what lies ahead, an entry each.
    mutating func describe(
        _ timeline: [TimelineEvent], clock: Int64, isWhole: Bool, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [EntityLookups.Entry]

    /// Adds the entity's contributions to `output`: a pure function of the timeline and the clock (and of
    /// ``DerivationOutput/moment`` and ``DerivationOutput/memory`` where alerts are concerned).
    ///
    /// - Parameters:
    ///   - timeline: the events in the timeline's order, each identity once, without voided ones and without voids.
    ///   - clock: the task's clock, microseconds.
    mutating func derive(
        _ timeline: [TimelineEvent], clock: Int64, into output: inout DerivationOutput
    ) throws(InternalRecordError)

    /// Of an entity whose oldest events are to be let go (``EntityStageSettings/rolling``): the places of those before an instant
    /// that decide how things stand at it.
    mutating func decisive(
        _ timeline: [TimelineEvent], before instant: Int64, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [Int]

    /// What is published when a watched source falls silent or is heard again; asked once, by the task of the partition to
    /// which its name belongs.
    mutating func alert(of change: SourceChange, _ moment: Moment) -> EntityAlert?
}

extension EntityDerivation {
    public static var keepsMemory: Bool { false }
    public static var waitsForSources: Bool { false }
    public mutating func alert(of change: SourceChange, _ moment: Moment) -> EntityAlert? { nil }
    public mutating func decisive(
        _ timeline: [TimelineEvent], before instant: Int64, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [Int] { [] }
    public mutating func describe(
        _ timeline: [TimelineEvent], clock: Int64, isWhole: Bool, using output: inout DerivationOutput
    ) throws(InternalRecordError) -> [EntityLookups.Entry] { [] }
}

/// Where a derivation puts its contributions, and where it reads what the events carry.
public struct DerivationOutput: ~Copyable {
    private var zone: ZoneCursor
    /// Index = measure: the base bucket in which it is kept; `nil` when no published KPI needs it.
    private let bases: [BaseBucket?]
    let payloads: PayloadTable
    var labels = StringTable()
    var cellSets: CellSets
    var list = ContributionList()
    private(set) var nextTimer = Int64.max
    private(set) var negativeDurations = 0
    private var payload = EventPayload()
    /// Agents by payload: most events carry nothing else, and the same few payloads come again and again.
    private var agents = Array(repeating: KnownAgent(), count: 1 << 10)

    private struct KnownAgent {
        var payload = StringTable.none
        var label: UInt32 = 0
        var epoch: UInt64 = 0
    }

    /// The time of this derivation.
    public internal(set) var moment = Moment(clock: 0, wall: 0)
    /// The entity's id, where the derivation keeps memory or the stage sends facts.
    public internal(set) var key: [UInt8] = []
    /// What the derivation wants to find again at the next one of this entity, such as what it has published: part of the
    /// entity's state. At most 16 KiB; empty at first.
    public var memory: [UInt8] = []
    /// What is still expected of the entity; open unless the derivation says otherwise.
    public var lifecycle = EntityLifecycle.open
    private(set) var alerts: [EntityAlert] = []
    private(set) var facts: [AddressedFact] = []

    init(zone: BusinessZone, catalogue: KPICatalogue, cellSets: CellSets, payloads: PayloadTable) {
        self.zone = ZoneCursor(zone)
        var bases = [BaseBucket?](repeating: nil, count: Int(catalogue.measures.last?.id ?? 0) + 1)
        for measure in catalogue.measures { bases[Int(measure.id)] = catalogue.baseBucket(of: measure) }
        self.bases = bases
        self.cellSets = cellSets
        self.payloads = payloads
    }

    /// Drops what is only remembered to save work; labels of the past would pile up without end.
    mutating func forgetLabels() {
        labels = StringTable()
        cellSets.forgetLookups()
        for place in agents.indices { agents[place].payload = StringTable.none }
    }

    /// See ``letStand(_:)``.
    private(set) var stands: ((_ receiver: [UInt8]) -> Bool)?

    /// Facts for these receivers that were stated before and are stated no longer stand as they are: what they follow from is
    /// not kept any more.
    public mutating func letStand(_ stands: @escaping (_ receiver: [UInt8]) -> Bool) { self.stands = stands }

    /// Whether ``erase()`` was called.
    private(set) var isErased = false

    mutating func begin() {
        list.removeAll()
        nextTimer = .max
        lifecycle = .open
        alerts.removeAll(keepingCapacity: true)
        facts.removeAll(keepingCapacity: true)
        isErased = false
        stands = nil
    }

    /// Nothing but the contributions of this derivation is to stay of the entity: its id and its timeline go, and whatever
    /// arrives for it from the next transaction on is a dead letter (`entity_expired`). Final.
    public mutating func erase() {
        isErased = true
    }

    /// Publishes a record on the stage's second output, in the transaction that keeps this derivation's results.
    public mutating func publish(_ alert: EntityAlert) {
        alerts.append(alert)
    }

    // MARK: Facts

    /// States a fact to another entity, for a stage that sends facts. Stated again with the same content, it costs nothing;
    /// no longer stated, it is taken back. An entity states one fact of a kind to one receiver.
    ///
    /// - Parameter key: the receiver's id, 1 to 200 bytes.
    public mutating func state(_ fact: Fact, to receiver: EntityKind, _ key: [UInt8]) {
        facts.append(AddressedFact(receiver: receiver, key: key, fact: fact))
    }

    /// The payload of a fact about an entity with these attributes; fields from ``EventPayload/Field/reason`` on may follow.
    public func payload(of values: DimensionValues) -> EventPayload {
        var payload = EventPayload()
        payload.begin(sequence: nil)
        for (field, dimension) in Self.labelFields where values[dimension] != 0 {
            payload.append(field, labels.bytes(of: values[dimension] - 1))
        }
        if !values.tags.isEmpty {
            var packed: [UInt8] = []
            for tag in values.tags { packed.appendBytes(labels.bytes(of: tag - 1)) }
            payload.append(.tags, packed)
        }
        return payload
    }

    /// In ascending order of tags.
    private static var labelFields: [(EventPayload.Field, Dimension)] {
        [
            (.agent, .agent), (.channel, .channel), (.priority, .priority), (.category, .category),
            (.subcategory, .subcategory), (.team, .team), (.tier, .tier), (.segment, .segment), (.queue, .queue),
        ]
    }

    /// Whether contributions to the measure are kept at all: some published KPI reads it.
    public func keeps(_ measure: Measure) -> Bool { bases[Int(measure.id)] != nil }

    // MARK: Contributions

    /// Adds to the base bucket of `instant` (µs). `value`: milliseconds of a duration, the change of a level; 0 of a count.
    public mutating func add(_ measure: Measure, at instant: Int64, value: Int64 = 0, cells: UInt32) {
        guard let base = bases[Int(measure.id)] else { return }
        let bucket =
            switch base {
            case .hour: zone.hour(at: instant).packed
            case .day: zone.day(at: instant).number
            case .none: Int64(0)
            }
        list.items.append(
            Contribution(measure: measure.id, base: base, cells: cells, bucket: bucket, value: value))
    }

    /// Adds one to a gauge, which is about now and has no bucket.
    public mutating func addGauge(_ measure: Measure, cells: UInt32) {
        guard let base = bases[Int(measure.id)] else { return }
        list.items.append(Contribution(measure: measure.id, base: base, cells: cells, bucket: 0, value: 1))
    }

    /// Adds one to a gauge of instants: something has been so since `instant` (µs).
    public mutating func addGauge(_ measure: Measure, since instant: Int64, cells: UInt32) {
        guard let base = bases[Int(measure.id)] else { return }
        list.items.append(
            Contribution(measure: measure.id, base: base, cells: cells, bucket: instant, value: 1))
    }

    /// Adds to a histogram over the hours of the week (`HourOfWeek`).
    public mutating func addHourOfWeek(_ measure: Measure, at instant: Int64, cells: UInt32) {
        guard let base = bases[Int(measure.id)] else { return }
        let hour = zone.hour(at: instant)
        list.items.append(
            Contribution(
                measure: measure.id, base: base, cells: cells, bucket: hour.day.number,
                value: HourOfWeek.place(of: hour)))
    }

    /// The contributions change at this instant (µs) by the mere passing of time.
    public mutating func deriveAgain(at instant: Int64) {
        nextTimer = min(nextTimer, instant)
    }

    /// The entity is to be derived again as soon as the task is caught up, and not before.
    public mutating func deriveWhenCaughtUp() {
        nextTimer = Self.caughtUp
    }

    /// The entity waits for its source to be heard again.
    mutating func deriveWhenSourceReturns() {
        nextTimer = Self.sourceReturns
    }

    /// Stands for the instant at which the task is caught up: behind every timer, before none at all.
    static let caughtUp = Int64.max - 1
    /// Stands for the instant at which the entity's source is heard again.
    static let sourceReturns = Int64.max - 2

    /// A duration below zero was left out.
    public mutating func countNegativeDuration() {
        negativeDurations += 1
    }

    // MARK: Cells

    /// The cells of an entity with these attributes, under the breakdowns in force.
    public mutating func cells(of values: DimensionValues) -> UInt32 {
        cellSets.set(of: values, labels: labels)
    }

    /// The cells of an entity with these attributes, each with the values of some more dimensions; figures over several of
    /// those would mean nothing.
    public mutating func cells(of values: DimensionValues, always: [Dimension]) -> UInt32 {
        cellSets.set(of: values, .breakdowns(always: always), labels: labels)
    }

    /// The overall cell and those of these breakdowns that are in force.
    public mutating func cells(of values: DimensionValues, by breakdowns: [[Dimension]]) -> UInt32 {
        cellSets.set(of: values, .only(breakdowns), labels: labels)
    }

    /// The cell in which an entity's agent takes part in the ranking of a team; no cell without a team or an agent.
    ///
    /// - Parameters:
    ///   - kpi: The KPI by which agents are ranked.
    ///   - values: Of the entity; `agent` is the one whose doing it was.
    public mutating func rankingCells(by kpi: String, of values: DimensionValues) -> UInt32 {
        var values = values
        values[.by] = label(kpi)
        if values[.agent] == 0 { values[.team] = 0 }
        return cellSets.set(
            of: values, .details(of: [.by, .team], by: [.agent, .category, .priority]), labels: labels)
    }

    /// The one cell `dimension=label`.
    public mutating func cells(_ dimension: Dimension, _ label: UInt32) -> UInt32 {
        cellSets.set(dimension, label, labels: labels)
    }

    // MARK: Events

    /// Calls `body` for each member of the event's payload, in ascending order of their tags.
    public mutating func forEachField(
        of event: TimelineEvent,
        _ body: (PayloadField, EventPayload, inout DerivationOutput) throws(InternalRecordError) -> Void
    ) throws(InternalRecordError) {
        // The buffer is taken out for the time of the loop: `body` gets `self` for itself.
        var current = EventPayload()
        swap(&current, &payload)
        defer { swap(&current, &payload) }
        payloads.load(event, into: &current)
        try current.forEachField(of: event) { (field) throws(InternalRecordError) in
            try body(field, current, &self)
        }
    }

    /// The label of the agent whom the event names; 0 for none.
    public mutating func agent(of event: TimelineEvent) throws(InternalRecordError) -> UInt32 {
        guard event.hasAgent else { return 0 }
        // A sequence is part of the payload, which then hardly comes again.
        if event.hasSequence { return try label(.agent, of: event) }
        let place = Int(event.payload) & (agents.count - 1)
        if agents[place].payload == event.payload, agents[place].epoch == payloads.epoch { return agents[place].label }
        let label = try label(.agent, of: event)
        agents[place] = KnownAgent(payload: event.payload, label: label, epoch: payloads.epoch)
        return label
    }

    private mutating func label(
        _ wanted: EventPayload.Field, of event: TimelineEvent
    ) throws(InternalRecordError) -> UInt32 {
        var label: UInt32 = 0
        try payloads.forEachField(of: event) { (field, text) throws(InternalRecordError) in
            if field == wanted, let text { label = labels.intern(text) + 1 }
        }
        return label
    }

    /// Overwrites attributes by those that the event names; an explicit null takes the value away.
    ///
    /// - Returns: whether the event says who the customer is. See ``text(_:of:)``.
    public mutating func setAttributes(
        _ values: inout DimensionValues, from event: TimelineEvent
    ) throws(InternalRecordError) -> Bool {
        var hasCustomer = false
        try payloads.forEachField(of: event) { (field, text) throws(InternalRecordError) in
            if field == .customer {
                hasCustomer = true
            } else if field == .tags {
                values.tags = if let text { try tagLabels(text) } else { [] }
            } else if let dimension = Dimension(field) {
                values[dimension] = if let text { labels.intern(text) + 1 } else { 0 }
            }
        }
        return hasCustomer
    }

    private mutating func tagLabels(_ list: RawSpan) throws(InternalRecordError) -> [UInt32] {
        var ids: Set<UInt32> = []
        var reader = BinaryReader(list.array(from: 0))
        while !reader.isAtEnd { ids.insert(labels.intern(try reader.bytes()) + 1) }
        return ids.sorted()
    }

    /// The text in the event's field; nil without one and for an explicit null.
    public func text(
        _ wanted: EventPayload.Field, of event: TimelineEvent
    ) throws(InternalRecordError) -> [UInt8]? {
        var found: [UInt8]?
        try payloads.forEachField(of: event) { (field, text) throws(InternalRecordError) in
            if field == wanted { found = text?.array(from: 0) }
        }
        return found
    }

    /// The id of a text field's label; never 0.
    public mutating func label(_ field: PayloadField, of payload: EventPayload) -> UInt32 {
        // 0 stands for a missing value.
        unsafe labels.intern(payload.bytes.span.bytes.extracting(field.value)) + 1
    }

    /// The ids of a list field's labels, ascending, each once.
    public mutating func labels(
        _ field: PayloadField, of payload: EventPayload
    ) throws(InternalRecordError) -> [UInt32] {
        var ids: Set<UInt32> = []
        for value in try payload.values(field) { ids.insert(labels.intern(value) + 1) }
        return ids.sorted()
    }

    /// The text of a label that has an id.
    public func text(of label: UInt32) -> [UInt8] { labels.bytes(of: label - 1) }

    /// The id of a label of the service's own, such as the name of a status.
    public mutating func label(_ text: String) -> UInt32 {
        unsafe labels.intern(text.utf8Span.span.bytes) + 1
    }

    /// The text of a label.
    public func text(ofLabel label: UInt32) -> String { String(decoding: labels.bytes(of: label - 1), as: UTF8.self) }

    /// The number in the event's field `field`, if it has one.
    public mutating func number(
        _ field: EventPayload.Field, of event: TimelineEvent
    ) throws(InternalRecordError) -> Int64? {
        var found: Int64?
        try payloads.forEachField(of: event) { (entry, bytes) throws(InternalRecordError) in
            guard entry == field, let bytes else { return }
            var reader = SpanReader()
            found = try reader.signedVarint(bytes)
        }
        return found
    }
}
