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
    }

    struct FirstResponse {
        /// The creation, or the customer's first message on a ticket that somebody else opened.
        var start: Int64
        var time: Int64
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
    private(set) var firstResponse: FirstResponse?
    private(set) var levelChanges: [LevelChange] = []

    private var cycleStart: Int64 = 0
    private var firstMessage: Int64?
    private var levelCells: UInt32 = 0

    var isSolved: Bool { status == .solved || status == .closed }

    /// Goes through the timeline. Returns `false` as long as the ticket's creation has not arrived.
    mutating func replay(
        _ timeline: [TimelineEvent], _ output: inout DerivationOutput
    ) throws(InternalRecordError) -> Bool {
        guard let creation = timeline.ticketCreation else { return false }
        try begin(timeline[creation], &output)
        for event in timeline {
            switch EventType(rawValue: event.type) {
            case .ticketUpdated, .ticketHandedOff:
                try apply(event, replacing: false, &output)
                changeCells(at: event.time, &output)
            case .ticketSnapshot:
                try apply(event, replacing: true, &output)
                changeCells(at: event.time, &output)
                change(to: event.status, at: event.time, by: event.snapshotActor)
            case .ticketStatusChanged:
                change(to: event.status, at: event.time, by: event.actor)
            case .ticketMessage:
                message(event)
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
        firstResponse = nil
        createdAt = creation.time
        let isSnapshot = creation.type == EventType.ticketSnapshot.rawValue
        status = isSnapshot ? .new : creation.initialStatus
        try apply(creation, replacing: true, &output)
        if isSnapshot, let created = try output.number(.createdAt, of: creation) { createdAt = created }
        cycleStart = createdAt
        firstMessage = creation.initiator == .customer ? createdAt : nil
        levelCells = output.cells(of: attributes)
        if !isSolved { changeLevel(by: 1, at: createdAt) }
    }

    // MARK: Attributes

    private mutating func apply(
        _ event: TimelineEvent, replacing: Bool, _ output: inout DerivationOutput
    ) throws(InternalRecordError) {
        if replacing { attributes.clear() }
        try output.forEachField(of: event) { (field, payload, output) throws(InternalRecordError) in
            if field.field == .tags {
                attributes.tags = field.isNull ? [] : try output.labels(field, of: payload)
            } else if let dimension = Dimension(field.field) {
                attributes[dimension] = field.isNull ? 0 : output.label(field, of: payload)
            }
        }
    }

    // MARK: Status

    private mutating func change(to next: TicketStatus, at time: Int64, by actor: Participant) {
        let wasSolved = isSolved
        status = next
        if !wasSolved, isSolved {
            solves.append(Solve(time: time, actor: actor, cycleStart: cycleStart))
            changeLevel(by: -1, at: time)
        } else if wasSolved, !isSolved {
            reopenings.append(time)
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

    // MARK: Messages

    private mutating func message(_ event: TimelineEvent) {
        guard event.isPublic else { return }
        switch event.author {
        case .customer:
            if firstMessage == nil { firstMessage = event.time }
        case .agent:
            // Before the customer has written, an agent's message answers nothing.
            if firstResponse == nil, let firstMessage {
                firstResponse = FirstResponse(start: firstMessage, time: event.time)
            }
        case .bot, .system:
            return
        }
    }

    // MARK: Backlog

    // The backlog takes the attributes that are valid at each instant, and has a ticket only from its creation on: a change
    // that skewed clocks date earlier takes effect at the creation.

    private mutating func changeLevel(by delta: Int64, at time: Int64) {
        levelChanges.append(LevelChange(time: max(time, createdAt), delta: delta, cells: levelCells))
    }

    private mutating func changeCells(at time: Int64, _ output: inout DerivationOutput) {
        let cells = output.cells(of: attributes)
        guard cells != levelCells else { return }
        if !isSolved { changeLevel(by: -1, at: time) }
        levelCells = cells
        if !isSolved { changeLevel(by: 1, at: time) }
    }
}
