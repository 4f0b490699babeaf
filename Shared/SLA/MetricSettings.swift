public import BusinessTime

/// What is promised.
public enum SLAMetric: String, CaseIterable, Sendable {
    /// Creation to the first public reply of an agent.
    case firstResponse = "first_response"
    /// Oldest unanswered customer message after the first response to the next public reply of an agent.
    case nextResponse = "next_response"
    /// Customer contact to agent contact, from the first message on.
    case update
    /// Public reply of an agent to the next one.
    case periodicUpdate = "periodic_update"
    /// Creation to solved.
    case resolution
    /// Time in new, open and on hold until solved.
    case requesterWait = "requester_wait"
    /// Time in new and open until solved.
    case agentWork = "agent_work"
    /// A call's queueing to its answer.
    case answer
}

/// How long a clock may run.
public enum SLATarget: Hashable, Sendable {
    /// Working time in µs.
    case duration(Int64)
    /// Working days.
    case days(Int, endOfDay: Bool)
}

/// The promise of one metric, with every convention that tools differ in.
public struct MetricSettings: Sendable, Equatable {
    public enum Start: String, CaseIterable, Sendable {
        case auto, created
        case botHandoff = "bot_handoff"
        case firstCustomerMessage = "first_customer_message"
        case teamAssigned = "team_assigned"
    }

    public enum Reopen: String, CaseIterable, Sendable {
        case resume
        case newCycle = "new_cycle"
        case fromCreation = "from_creation"
        case firstOnly = "first_only"
    }

    public enum OnChange: String, CaseIterable, Sendable {
        case keepElapsed = "keep_elapsed"
        case restart, recompute
    }

    public enum OnSolve: String, CaseIterable, Sendable {
        case keep, stop, cancel
    }

    /// What another version of the rules does to a ticket that is there when it comes.
    public enum OnRulesChange: String, CaseIterable, Sendable {
        case newTicketsOnly = "new_tickets_only"
        case nextEvent = "next_event"
        case now
    }

    public var metric: SLAMetric
    /// Tells two promises of one metric apart.
    public var variant: String?
    public var target: SLATarget?
    /// By the ticket's priority in lower case; goes before ``target``.
    public var targetsByPriority: [String: SLATarget] = [:]
    /// Shares of the target in percent: above 0, at most 100.
    public var warnings: [Double] = []
    /// µs of working time from the due instant; negative before it.
    public var levels: [Int64] = []
    /// Statuses that stop the time, in lower case.
    public var pauseOn: Set<String>
    public var boundary = WorkingCalendar.Boundary.close
    /// The instants of events are cut to whole minutes.
    public var wholeMinutes = false
    public var start = Start.auto
    public var reopen = Reopen.resume
    public var onChange = OnChange.keepElapsed
    public var onSolve: OnSolve
    public var onRulesChange = OnRulesChange.newTicketsOnly

    /// The settings that hold when a policy names none.
    public init(_ metric: SLAMetric, pauseOn: Set<String>? = nil) {
        self.metric = metric
        switch metric {
        case .resolution, .requesterWait: self.pauseOn = pauseOn ?? ["pending"]
        case .agentWork: self.pauseOn = pauseOn ?? ["pending", "on_hold"]
        case .firstResponse, .nextResponse, .update, .periodicUpdate, .answer: self.pauseOn = pauseOn ?? []
        }
        let waits = self.pauseOn.contains("solved")
        onSolve = (metric == .nextResponse || metric == .update) && !waits ? .cancel : .keep
    }

    /// The metric's name, with `~` and the variant.
    public var name: String { variant.map { "\(metric.rawValue)~\($0)" } ?? metric.rawValue }

    /// The same conventions, with nothing promised.
    var withoutTargets: MetricSettings {
        var settings = self
        settings.target = nil
        settings.targetsByPriority = [:]
        return settings
    }

    /// The target for a ticket of this priority; nil when nothing is promised for it.
    public func promised(_ priority: String?) -> SLATarget? {
        priority.flatMap { targetsByPriority[$0] } ?? target
    }
}
