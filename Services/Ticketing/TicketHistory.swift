import ServiceKit
import Streams
import SupportEvents

/// What a ticket's timeline amounts to: its creation, its latest attributes, its solves, reopenings and first response, and
/// the changes of the backlog.
struct TicketHistory {
    struct Solve {
        var time: Int64
        var actor: Participant
        /// The creation, or the reopening before this solve.
        var cycleStart: Int64
        /// Label of the agent who solved; 0 for nobody, a bot or the system.
        var agent: UInt32
    }

    /// What had happened up to the first solve, in the timeline's order.
    struct FirstSolve {
        var replies: Int
        var transfers: Int
        /// Human agents who had written publicly; all nameless ones are one.
        var agents: Int
        /// Label of the agent who replied first; 0 for nobody and a nameless one.
        var firstAgent: UInt32
        /// Whether the team changed after the first response.
        var hasChangedTeam: Bool
    }

    /// A piece of work on the ticket.
    struct Work {
        var time: Int64
        var milliseconds: Int64
    }

    struct LevelChange {
        var time: Int64
        var delta: Int64
        var cells: UInt32
    }

    private(set) var createdAt: Int64 = 0
    private(set) var attributes = DimensionValues()
    private(set) var status = TicketStatus.new
    private(set) var solves: [Solve] = []
    private(set) var reopenings: [Int64] = []
    private(set) var conversation = Conversation()
    private(set) var firstSolve: FirstSolve?
    /// Time in each status until the latest solve, the solved time left out.
    private(set) var statusTime = StatusTime()
    private(set) var levelChanges: [LevelChange] = []
    private(set) var work: [Work] = []
    /// The last event that says who the customer is, or that there is none.
    private(set) var customerEvent: TimelineEvent?
    private(set) var isByCustomer = true

    private var cycleStart: Int64 = 0
    private var transfers = 0
    /// Changes of team before the first response; nil without one.
    private var transfersBeforeResponse: Int?
    private var lastTeam: UInt32 = 0
    private var levelCells: UInt32 = 0
    /// Whether anybody wants ``levelChanges``.
    private var keepsLevel = true

    var isSolved: Bool { status == .solved || status == .closed }

    /// Goes through the timeline. Returns `false` as long as the ticket's creation has not arrived.
    mutating func replay(
        _ timeline: [TimelineEvent], _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> Bool {
        guard let creation = timeline.ticketCreation else { return false }
        try begin(timeline[creation], &output)
        for event in timeline {
            switch EventType(rawValue: event.type) {
            case .ticketUpdated:
                try apply(event, replacing: false, &output)
                changeCells(at: event.time, &output)
            case .ticketHandedOff:
                try apply(event, replacing: false, &output)
                changeCells(at: event.time, &output)
                conversation.handOff(at: event.time)
            case .ticketSnapshot:
                try apply(event, replacing: true, &output)
                changeCells(at: event.time, &output)
                change(to: event.status, at: event.time, by: event.snapshotActor, agent: attributes[.agent])
            case .ticketStatusChanged:
                change(to: event.status, at: event.time, by: event.actor, agent: try output.agent(of: event))
            case .ticketMessage:
                conversation.message(event, agent: try output.agent(of: event))
                if conversation.first != nil { transfersBeforeResponse = transfersBeforeResponse ?? transfers }
            case .ticketWorked:
                if let milliseconds = try output.number(.duration, of: event) {
                    work.append(Work(time: event.time, milliseconds: milliseconds))
                }
            default:
                continue
            }
        }
        return true
    }

    /// The creation's state and its first message are there before every event, also before one that skewed clocks date
    /// earlier.
    private mutating func begin(
        _ creation: TimelineEvent, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        attributes.clear()
        solves.removeAll(keepingCapacity: true)
        reopenings.removeAll(keepingCapacity: true)
        levelChanges.removeAll(keepingCapacity: true)
        work.removeAll(keepingCapacity: true)
        customerEvent = nil
        isByCustomer = creation.initiator == .customer
        firstSolve = nil
        transfers = 0
        transfersBeforeResponse = nil
        lastTeam = 0
        createdAt = creation.time
        let isSnapshot = creation.type == EventType.ticketSnapshot.rawValue
        status = isSnapshot ? .new : creation.initialStatus
        try apply(creation, replacing: true, &output)
        if isSnapshot, let created = try output.number(.createdAt, of: creation) { createdAt = created }
        cycleStart = createdAt
        conversation.begin(isByCustomer ? createdAt : nil)
        statusTime.begin(status, at: createdAt)
        keepsLevel = output.keeps(TicketMeasure.backlog)
        levelCells = keepsLevel ? output.cells(of: attributes) : 0
        if !isSolved { changeLevel(by: 1, at: createdAt) }
    }

    // MARK: Attributes

    private mutating func apply(
        _ event: TimelineEvent, replacing: Bool, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        if replacing {
            attributes.clear()
            customerEvent = nil
        }
        if try output.setAttributes(&attributes, from: event) { customerEvent = event }
        let team = attributes[.team]
        if team != 0 {
            if lastTeam != 0, team != lastTeam { transfers += 1 }
            lastTeam = team
        }
    }

    // MARK: Status

    private mutating func change(to next: TicketStatus, at time: Int64, by actor: Participant, agent: UInt32) {
        let wasSolved = isSolved
        status = next
        statusTime.change(to: next, at: time)
        if !wasSolved, isSolved {
            let isPerson = actor == .agent || actor == .customer
            solves.append(Solve(time: time, actor: actor, cycleStart: cycleStart, agent: isPerson ? agent : 0))
            statusTime.solved()
            if actor == .bot { conversation.botSolved() }
            if firstSolve == nil {
                firstSolve = FirstSolve(
                    replies: conversation.replies.count, transfers: transfers, agents: conversation.agents.count,
                    firstAgent: conversation.first?.agent ?? 0,
                    hasChangedTeam: transfersBeforeResponse.map { transfers > $0 } ?? false)
            }
            changeLevel(by: -1, at: time)
        } else if wasSolved, !isSolved {
            reopenings.append(time)
            if solves.last?.actor == .bot { conversation.reopenedAfterBot(at: time) }
            cycleStart = time
            changeLevel(by: 1, at: time)
        }
    }

    /// Whether some reopening lies in (solve, solve + window] of some solve.
    func wasReopened(within window: Int64) -> Bool {
        var next = 0
        var latest: Int64?
        for reopening in reopenings {
            while next < solves.count, solves[next].time < reopening {
                latest = solves[next].time
                next += 1
            }
            if let latest, reopening - latest <= window { return true }
        }
        return false
    }

    /// Whether some reopening lies in (instant, instant + window].
    func wasReopened(after instant: Int64, within window: Int64) -> Bool {
        reopenings.contains { $0 > instant && $0 - instant <= window }
    }

    // MARK: Backlog

    // The backlog takes the attributes that are valid at each instant, and has a ticket only from its creation on: a change
    // that skewed clocks date earlier takes effect at the creation.

    private mutating func changeLevel(by delta: Int64, at time: Int64) {
        guard keepsLevel else { return }
        levelChanges.append(LevelChange(time: max(time, createdAt), delta: delta, cells: levelCells))
    }

    private mutating func changeCells(at time: Int64, _ output: inout DerivationOutput) {
        guard keepsLevel else { return }
        let cells = output.cells(of: attributes)
        guard cells != levelCells else { return }
        if !isSolved { changeLevel(by: -1, at: time) }
        levelCells = cells
        if !isSolved { changeLevel(by: 1, at: time) }
    }
}
