import ServiceKit
import Streams
import SupportEvents

/// What a customer's timeline amounts to up to an instant: when the customer was active, with which MRR.
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

    private struct Subscription {
        var id: String
        var mrr: Int64
        var plan: String?
        var isRunning: Bool
        var order: Int
    }

    /// 90 x 86,400 s, for which a purchase makes a customer active.
    static let purchaseWindow: Int64 = 90 * 86_400 * 1_000_000

    let rules: RevenueRules

    /// Each with another activity or MRR than the one before; ascending.
    private(set) var states: [State] = []
    /// The instants of the purchases, each once, ascending.
    private(set) var purchases: [Int64] = []
    /// When something changes next without an event, or with one that lies ahead.
    private(set) var nextChange = Int64.max
    private(set) var segment: String?
    private(set) var tier: String?
    private(set) var plan: String?

    private var subscriptions: [Subscription] = []
    private var hadSubscription = false
    private var activeUntil: Int64?
    private var isErased = false

    init(_ rules: RevenueRules) {
        self.rules = rules
    }

    /// Takes the events up to `clock`, that instant included, in the timeline's order.
    mutating func replay(
        _ timeline: [TimelineEvent], until clock: Int64, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        let counted = try lastOfEachPurchase(timeline, &output)
        var index = 0
        while index < timeline.count, !isErased {
            let time = timeline[index].time
            if time > clock {
                nextChange = time
                break
            }
            expire(before: time)
            var reason: String?
            while index < timeline.count, timeline[index].time == time {
                let event = try CustomerEvent(timeline[index], &output)
                if counted[index] != false, !isErased, let given = apply(event) { reason = given }
                index += 1
            }
            note(time, reason)
        }
        if let end = activeUntil, !hadSubscription, !isErased {
            if end <= clock, end < nextChange { expire(before: .max) } else { nextChange = min(nextChange, end) }
        }
    }

    /// For each purchase whether it is the last one told of its id; nil for what is none.
    private func lastOfEachPurchase(
        _ timeline: [TimelineEvent], _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> [Bool?] {
        var counted = [Bool?](repeating: nil, count: timeline.count)
        var seen: Set<String> = []
        for index in timeline.indices.reversed()
        where timeline[index].type == EventType.purchaseCompleted.rawValue {
            let event = try CustomerEvent(timeline[index], &output)
            counted[index] = seen.insert(event.purchase ?? "").inserted
        }
        return counted
    }

    // MARK: Events

    /// - Returns: the reason that the event gives for an end.
    private mutating func apply(_ event: CustomerEvent) -> String? {
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
        case .purchaseCompleted:
            purchases.append(event.time)
            if !hadSubscription { activeUntil = event.time + Self.purchaseWindow }
        case .customerClosed:
            end()
            return event.reason
        case .customerErased:
            end()
            isErased = true
            return "erased"
        default: break
        }
        return nil
    }

    private mutating func end() {
        for index in subscriptions.indices { subscriptions[index].isRunning = false }
        activeUntil = nil
    }

    private func running(_ id: String?) -> Int? {
        subscriptions.firstIndex { $0.id == id && $0.isRunning }
    }

    private mutating func start(_ event: CustomerEvent) {
        hadSubscription = true
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
                    id: event.subscription ?? "", mrr: mrr, plan: event.plan, isRunning: true,
                    order: subscriptions.count))
        }
    }

    private mutating func change(_ index: Int, _ event: CustomerEvent) {
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
            $0.mrr != $1.mrr ? $0.mrr < $1.mrr : $0.order != $1.order ? $0.order > $1.order : $0.id > $1.id
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
