public import BusinessTime

/// All promises of one ticket (or call), under the policies in force: takes its events in the timeline's order.
///
/// A policy that begins to apply finds each clock as if it had run from the start; one that stops applying cancels its
/// running clocks.
public struct PromiseSet: Sendable {
    /// The policy and the attributes that hold from an instant on.
    public struct Era: Sendable {
        public let from: Micros
        public let policy: Int?
        public let attributes: TicketAttributes
    }

    private let book: PolicyBook
    private let names: [String]
    private var clocks: [MetricClock?]
    private var history: [TicketEvent] = []
    public private(set) var eras: [Era] = []
    /// The creation's instant.
    public private(set) var startsAt: Micros?

    public init(_ book: PolicyBook, isCall: Bool = false) {
        self.book = book
        names = isCall ? book.callPromises : book.ticketPromises
        clocks = Array(repeating: nil, count: names.count)
    }

    /// The creation, which comes first.
    public mutating func create(at time: Micros, status: String, isByCustomer: Bool, _ attributes: TicketAttributes) {
        startsAt = time
        let policy = book.policy(for: attributes)
        eras.append(Era(from: .min, policy: policy, attributes: attributes))
        if let policy {
            for (index, name) in names.enumerated() {
                guard let promise = book.policies[policy].promise(named: name) else { continue }
                clocks[index] = MetricClock(promise.settings, book.policies[policy].calendar)
            }
        }
        apply(
            TicketEvent(
                time: time,
                kind: .created(status: status, priority: attributes[.priority], isByCustomer: isByCustomer)))
        if attributes[.team] != nil { apply(TicketEvent(time: time, kind: .teamAssigned)) }
    }

    /// Anything but a creation or a change of attributes.
    public mutating func apply(_ event: TicketEvent) {
        history.append(event)
        for index in clocks.indices { clocks[index]?.apply(event) }
    }

    /// The ticket's attributes from here on.
    public mutating func change(at time: Micros, _ attributes: TicketAttributes) {
        guard let era = eras.last, era.attributes != attributes else { return }
        let policy = book.policy(for: attributes)
        eras.append(Era(from: time, policy: policy, attributes: attributes))
        if policy != era.policy {
            switchPolicy(from: era.policy, to: policy, at: time, attributes[.priority])
        } else if attributes[.priority] != era.attributes[.priority] {
            apply(TicketEvent(time: time, kind: .priority(attributes[.priority])))
        }
        if era.attributes[.team] == nil, attributes[.team] != nil {
            apply(TicketEvent(time: time, kind: .teamAssigned))
        }
    }

    private mutating func switchPolicy(from old: Int?, to new: Int?, at time: Micros, _ priority: String?) {
        for (index, name) in names.enumerated() {
            guard let new, let promise = book.policies[new].promise(named: name) else {
                if old.map({ book.policies[$0].promise(named: name) != nil }) ?? false {
                    clocks[index]?.apply(TicketEvent(time: time, kind: .policyDetached))
                }
                continue
            }
            let calendar = book.policies[new].calendar
            var clock = clocks[index] ?? replayed(promise.settings.withoutTargets, calendar)
            clock.apply(
                TicketEvent(time: time, kind: .attached(promise.settings, calendar, priority: priority)))
            clocks[index] = clock
        }
        // A clock that is made later learns of the priority with its own settings.
        history.append(TicketEvent(time: time, kind: .priority(priority)))
    }

    private func replayed(_ settings: MetricSettings, _ calendar: WorkingCalendar) -> MetricClock {
        var clock = MetricClock(settings, calendar)
        for event in history { clock.apply(event) }
        return clock
    }

    // MARK: What holds

    /// One promise at an instant.
    public struct Standing: Sendable {
        /// The metric, with `~` and the variant.
        public let name: String
        public let cycles: [CycleReport]
    }

    /// How all promises stand at an instant, when no further event has been seen by then.
    public func standings(at instant: Micros) -> [Standing] {
        zip(names, clocks).compactMap { name, clock in
            clock.map { Standing(name: name, cycles: $0.cycles(at: instant)) }
        }
    }

    /// When something happens next although nothing arrives.
    public func nextInstant(after instant: Micros) -> Micros? {
        clocks.compactMap { $0?.nextInstant(after: instant) }.min()
    }

    /// The policy and the attributes at an instant; nil before the creation has been told.
    public func era(at instant: Micros) -> Era? {
        eras.last { $0.from <= instant }
    }

    /// The promise under which something holds at an instant: of the policy in force then, or of the last one that had it.
    public func promise(named name: String, at instant: Micros) -> (policy: SLAPolicy, promise: SLAPromise)? {
        for era in eras.reversed() where era.from <= instant {
            if let policy = era.policy, let promise = book.policies[policy].promise(named: name) {
                return (book.policies[policy], promise)
            }
        }
        return nil
    }
}
