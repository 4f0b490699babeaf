public import BusinessTime

/// The policies of one version of the rules.
public struct RulesEdition: Sendable {
    /// As it was published; 0 for rules that were not.
    public let version: Int64
    /// From when on they hold; of the first edition that is known, `.min`.
    public let from: Micros
    public let book: PolicyBook

    public init(version: Int64, from: Micros, book: PolicyBook) {
        self.version = version
        self.from = from
        self.book = book
    }
}

/// All promises of one ticket (or call), under the policies in force: takes its events in the timeline's order.
///
/// A policy that begins to apply finds each clock as if it had run from the start; one that stops applying cancels its
/// running clocks. A ticket begins under the edition of its creation's instant; what a later one does is up to each promise
/// (``MetricSettings/OnRulesChange``).
public struct PromiseSet: Sendable {
    /// The attributes that hold from an instant on.
    public struct Era: Sendable {
        public let from: Micros
        public let attributes: TicketAttributes
    }

    /// The policy that a promise is judged by from an instant on.
    public struct Tenure: Sendable {
        public let from: Micros
        public let version: Int64
        /// Nil when none promises it.
        public let terms: Terms?
    }

    /// A promise and the policy that makes it.
    public struct Terms: Sendable {
        public let policy: SLAPolicy
        public let promise: SLAPromise
    }

    private struct Slot: Sendable {
        let name: String
        var clock: MetricClock?
        var edition = 0
        var policy: Int?
        var tenures: [Tenure] = []
        /// The edition that holds from the next event on.
        var waiting: Int?
    }

    /// Cycles that a ticket is judged for, over all promises: what it keeps is bounded.
    public static let cycleLimit = 2000

    private let editions: [RulesEdition]
    private let cyclesPerPromise: Int
    private var slots: [Slot]
    private var history: [TicketEvent] = []
    /// Index of the newest edition that has been entered.
    private var edition = 0
    public private(set) var eras: [Era] = []
    /// The creation's instant.
    public private(set) var startsAt: Micros?

    /// - Parameter editions: In the order of their instants; not empty.
    public init(_ editions: [RulesEdition], isCall: Bool = false) {
        precondition(!editions.isEmpty)
        self.editions = editions
        var names: Set<String> = []
        for edition in editions {
            names.formUnion(isCall ? edition.book.callPromises : edition.book.ticketPromises)
        }
        slots = names.sorted().map { Slot(name: $0) }
        cyclesPerPromise = max(100, Self.cycleLimit / max(1, names.count))
    }

    // MARK: Events

    /// The creation, which comes first.
    public mutating func create(at time: Micros, status: String, isByCustomer: Bool, _ attributes: TicketAttributes) {
        startsAt = time
        edition = editions.lastIndex { $0.from <= time } ?? 0
        eras.append(Era(from: .min, attributes: attributes))
        let policy = editions[edition].book.policy(for: attributes)
        for index in slots.indices {
            slots[index].edition = edition
            slots[index].policy = policy
            guard let terms = begin(index, from: .min) else { continue }
            slots[index].clock = clock(terms.promise.settings, terms.policy.calendar)
        }
        apply(
            TicketEvent(
                time: time,
                kind: .created(status: status, priority: attributes[.priority], isByCustomer: isByCustomer)))
        if attributes[.team] != nil { apply(TicketEvent(time: time, kind: .teamAssigned)) }
    }

    /// Anything but a creation or a change of attributes.
    public mutating func apply(_ event: TicketEvent) {
        enter(event.time, isEvent: true)
        history.append(event)
        for index in slots.indices { slots[index].clock?.apply(event) }
    }

    /// The ticket's attributes from here on.
    public mutating func change(at time: Micros, _ attributes: TicketAttributes) {
        enter(time, isEvent: true)
        guard let era = eras.last, era.attributes != attributes else { return }
        eras.append(Era(from: time, attributes: attributes))
        let priority = TicketEvent(time: time, kind: .priority(attributes[.priority]))
        for index in slots.indices {
            let policy = editions[slots[index].edition].book.policy(for: attributes)
            if policy != slots[index].policy {
                move(index, to: slots[index].edition, policy, at: time, .policyChange)
            } else if attributes[.priority] != era.attributes[.priority] {
                slots[index].clock?.apply(priority)
            }
        }
        // A clock that is made later learns of the priority with its own settings.
        history.append(priority)
        if era.attributes[.team] == nil, attributes[.team] != nil {
            apply(TicketEvent(time: time, kind: .teamAssigned))
        }
    }

    /// Time has come to an instant, with no further event by then.
    public mutating func pass(to instant: Micros) {
        enter(instant, isEvent: false)
    }

    // MARK: Terms

    /// The editions that have begun by an instant.
    private mutating func enter(_ time: Micros, isEvent: Bool) {
        guard let era = eras.last else { return }
        while edition + 1 < editions.count, editions[edition + 1].from <= time {
            edition += 1
            let policy = editions[edition].book.policy(for: era.attributes)
            for index in slots.indices { offer(edition, policy, to: index) }
        }
        guard isEvent else { return }
        for index in slots.indices {
            guard let waiting = slots[index].waiting else { continue }
            slots[index].waiting = nil
            move(
                index, to: waiting, editions[waiting].book.policy(for: era.attributes), at: time, .rulesChange)
        }
    }

    private mutating func offer(_ edition: Int, _ policy: Int?, to index: Int) {
        let new = terms(edition, policy, slots[index].name)
        guard let choice = (new ?? terms(of: index))?.promise.settings.onRulesChange else { return }
        switch choice {
        case .newTicketsOnly: break
        case .nextEvent: slots[index].waiting = edition
        case .now: move(index, to: edition, policy, at: editions[edition].from, .rulesChange)
        }
    }

    private func terms(_ edition: Int, _ policy: Int?, _ name: String) -> Terms? {
        guard let policy else { return nil }
        let found = editions[edition].book.policies[policy]
        return found.promise(named: name).map { Terms(policy: found, promise: $0) }
    }

    private func terms(of index: Int) -> Terms? { terms(slots[index].edition, slots[index].policy, slots[index].name) }

    private mutating func begin(_ index: Int, from time: Micros) -> Terms? {
        let terms = terms(of: index)
        slots[index].tenures.append(
            Tenure(from: time, version: editions[slots[index].edition].version, terms: terms))
        return terms
    }

    private mutating func move(_ index: Int, to edition: Int, _ policy: Int?, at time: Micros, _ cause: SLAFact.Cause) {
        let old = terms(of: index)
        slots[index].edition = edition
        slots[index].policy = policy
        guard let new = begin(index, from: time) else {
            if old != nil { slots[index].clock?.apply(TicketEvent(time: time, kind: .policyDetached(cause))) }
            return
        }
        if cause == .rulesChange, let old, old.promise.settings == new.promise.settings,
            old.policy.calendar == new.policy.calendar
        {
            return
        }
        var clock = slots[index].clock ?? replayed(new.promise.settings.withoutTargets, new.policy.calendar)
        clock.apply(
            TicketEvent(
                time: time,
                kind: .attached(
                    new.promise.settings, new.policy.calendar, priority: eras.last?.attributes[.priority], cause)))
        slots[index].clock = clock
    }

    private func clock(_ settings: MetricSettings, _ calendar: WorkingCalendar) -> MetricClock {
        MetricClock(settings, calendar, cycleLimit: cyclesPerPromise)
    }

    private func replayed(_ settings: MetricSettings, _ calendar: WorkingCalendar) -> MetricClock {
        var clock = clock(settings, calendar)
        for event in history { clock.apply(event) }
        return clock
    }

    // MARK: What holds

    /// One promise at an instant.
    public struct Standing: Sendable {
        /// The metric, with `~` and the variant.
        public let name: String
        public let cycles: [CycleReport]
        public let tenures: [Tenure]

        /// The terms that hold at an instant: those in force then, or the last ones that promised it.
        public func terms(at instant: Micros) -> (terms: Terms, version: Int64)? {
            for tenure in tenures.reversed() where tenure.from <= instant {
                if let terms = tenure.terms { return (terms, tenure.version) }
            }
            return nil
        }
    }

    /// How all promises stand at an instant, when no further event has been seen by then.
    public func standings(at instant: Micros) -> [Standing] {
        slots.compactMap { slot in
            slot.clock.map { Standing(name: slot.name, cycles: $0.cycles(at: instant), tenures: slot.tenures) }
        }
    }

    /// When something happens next although nothing arrives.
    public func nextInstant(after instant: Micros) -> Micros? {
        slots.compactMap { $0.clock?.nextInstant(after: instant) }.min()
    }

    /// The attributes at an instant; nil before the creation has been told.
    public func attributes(at instant: Micros) -> TicketAttributes? {
        eras.last { $0.from <= instant }?.attributes
    }
}
