import ServiceKit
import Streams
import SupportEvents

/// What a customer's timeline amounts to up to an instant: when the customer was active, with which MRR, and what was bought.
struct CustomerHistory {
    /// What holds from an instant on, until the next state.
    struct State: Equatable {
        var time: Int64
        var isActive: Bool
        /// Minor units.
        var mrr: Int64
        /// Why it ended, or fell to 0, as the event says.
        var reason: String?
    }

    /// A purchase (above 0), or a refund of one (below).
    struct Payment {
        var time: Int64
        /// Minor units.
        var amount: Int64
        /// The purchase's own, where it has one.
        var margin: ExactDecimal?
    }

    private struct Subscription {
        var id: String
        var mrr: Int64
        var plan: String?
        var isRunning: Bool
        var started: Int64
    }

    /// The event that counts of those told of one purchase.
    private struct Told {
        var index: Int
        var margin: ExactDecimal?
    }

    /// 90 x 86,400 s, for which a purchase makes a customer active.
    static let purchaseWindow: Int64 = 90 * 86_400 * 1_000_000

    let rules: RevenueRules

    /// Each with another activity or MRR than the one before; ascending.
    private(set) var states: [State] = []
    /// The instants of the purchases, each purchase once, ascending.
    private(set) var purchases: [Int64] = []
    /// Purchases and refunds of known purchases, ascending by time.
    private(set) var payments: [Payment] = []
    /// When a subscription was started for the first time.
    private(set) var firstSubscription: Int64?
    /// The first event of all.
    private(set) var firstEvent: Int64?
    /// When something changes next without an event, or with one that lies ahead.
    private(set) var nextChange = Int64.max
    private(set) var segment: String?
    private(set) var tier: String?
    private(set) var plan: String?
    /// When the customer was erased.
    private(set) var erased: Int64?

    private var subscriptions: [Subscription] = []
    private var activeUntil: Int64?
    private var told: [String: Told] = [:]

    private var hadSubscription: Bool { firstSubscription != nil }

    init(_ rules: RevenueRules) {
        self.rules = rules
    }

    /// Takes the events up to `clock`, that instant included, in the timeline's order.
    mutating func replay(
        _ timeline: [TimelineEvent], until clock: Int64, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        let count = timeline.firstIndex { $0.time > clock } ?? timeline.count
        if count < timeline.count { nextChange = timeline[count].time }
        firstEvent = count > 0 ? timeline[0].time : nil
        try readPurchases(timeline[..<count], &output)
        var index = 0
        while index < count, erased == nil {
            let time = timeline[index].time
            expire(before: time)
            var reason: String?
            while index < count, timeline[index].time == time, erased == nil {
                let event = try RevenueEvent(timeline[index], &output)
                if let given = apply(event, index) { reason = given }
                index += 1
            }
            note(time, reason)
        }
        if let end = activeUntil, erased == nil {
            if end <= clock { expire(before: .max) } else { nextChange = min(nextChange, end) }
        }
    }

    /// Of several events that tell of one purchase the last one counts.
    private mutating func readPurchases(
        _ timeline: ArraySlice<TimelineEvent>, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        for index in timeline.indices where timeline[index].type == EventType.purchaseCompleted.rawValue {
            let event = try RevenueEvent(timeline[index], &output)
            told[event.purchase ?? ""] = Told(index: index, margin: event.margin)
        }
    }

    // MARK: Events

    /// - Returns: the reason that the event gives for an end.
    private mutating func apply(_ event: RevenueEvent, _ index: Int) -> String? {
        switch event.type {
        case .customerCreated:
            segment = event.segment ?? segment
            tier = event.tier ?? tier
        case .subscriptionStarted, .subscriptionReactivated: start(event)
        case .subscriptionChanged:
            if let index = running(event.subscription) { change(index, event) }
        case .subscriptionCancelled:
            guard let index = running(event.subscription) else { return nil }
            subscriptions[index].isRunning = false
            return event.reason
        case .purchaseCompleted: buy(event, index)
        case .purchaseRefunded:
            guard let purchase = told[event.purchase ?? ""], let amount = event.payment(rules) else { return nil }
            payments.append(Payment(time: event.time, amount: -amount, margin: purchase.margin))
        case .customerClosed:
            end()
            return event.reason
        case .customerErased:
            end()
            erased = event.time
            return "erased"
        default: break
        }
        return nil
    }

    private mutating func buy(_ event: RevenueEvent, _ index: Int) {
        guard told[event.purchase ?? ""]?.index == index else { return }
        purchases.append(event.time)
        payments.append(Payment(time: event.time, amount: event.payment(rules) ?? 0, margin: event.margin))
        if !hadSubscription { activeUntil = event.time + Self.purchaseWindow }
    }

    private mutating func end() {
        for index in subscriptions.indices { subscriptions[index].isRunning = false }
        activeUntil = nil
    }

    private func running(_ id: String?) -> Int? {
        subscriptions.firstIndex { $0.id == id && $0.isRunning }
    }

    private mutating func start(_ event: RevenueEvent) {
        firstSubscription = firstSubscription ?? event.time
        activeUntil = nil
        if let index = running(event.subscription) { return change(index, event) }
        let mrr = event.mrr(rules) ?? 0
        if let index = subscriptions.firstIndex(where: { $0.id == event.subscription }) {
            subscriptions[index].isRunning = true
            subscriptions[index].mrr = mrr
            subscriptions[index].plan = event.plan ?? subscriptions[index].plan
        } else {
            subscriptions.append(
                Subscription(
                    id: event.subscription ?? "", mrr: mrr, plan: event.plan, isRunning: true, started: event.time))
        }
    }

    private mutating func change(_ index: Int, _ event: RevenueEvent) {
        if let mrr = event.mrr(rules) { subscriptions[index].mrr = mrr }
        subscriptions[index].plan = event.plan ?? subscriptions[index].plan
    }

    // MARK: States

    /// A buyer's activity runs out behind the instant `activeUntil`.
    private mutating func expire(before time: Int64) {
        guard let end = activeUntil, end < time else { return }
        activeUntil = nil
        append(State(time: end, isActive: false, mrr: states.last?.mrr ?? 0))
    }

    private mutating func note(_ time: Int64, _ reason: String?) {
        let running = subscriptions.filter(\.isRunning)
        let mrr = running.reduce(0) { $0 + $1.mrr }
        let isSubscriber = running.contains { $0.mrr > 0 || rules.countsFree }
        let isBuyer = !hadSubscription && activeUntil.map { $0 > time } ?? false
        let highest = running.max {
            $0.mrr != $1.mrr ? $0.mrr < $1.mrr : $0.started != $1.started ? $0.started > $1.started : $0.id > $1.id
        }
        if let highest { plan = highest.plan }
        append(State(time: time, isActive: isSubscriber || isBuyer, mrr: mrr, reason: reason))
    }

    private mutating func append(_ state: State) {
        let before = states.last
        guard (before?.isActive ?? false) != state.isActive || (before?.mrr ?? 0) != state.mrr else { return }
        states.append(state)
    }

    // MARK: Reading

    /// The state before whatever happens at an instant.
    func state(before instant: Int64) -> State? {
        var low = 0
        var high = states.count
        while low < high {
            let middle = (low + high) / 2
            if states[middle].time < instant { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? states[low - 1] : nil
    }
}
