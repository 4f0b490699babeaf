import ServiceKit
import SupportEvents

/// Who wrote when: what a ticket's messages amount to.
struct Conversation {
    /// A public reply of a human agent to the customer.
    struct Response {
        /// The oldest unanswered message of the customer.
        var start: Int64
        var time: Int64
        var isFirst: Bool
    }

    struct FirstResponse {
        /// The creation, or the customer's first message on a ticket that somebody else opened.
        var start: Int64
        /// The same, or the hand-off by the bot or the reopening of what the bot had solved, whichever is last.
        var humanStart: Int64
        var time: Int64
        /// Label of the agent; 0 for a nameless one.
        var agent: UInt32
    }

    private(set) var responses: [Response] = []
    private(set) var first: FirstResponse?
    /// The first public reply of an agent or a bot, with the message that it answers.
    private(set) var firstOfAny: Response?
    /// Public replies of human agents.
    private(set) var replies: [Int64] = []
    /// Their labels, each once; 0 for the nameless ones.
    private(set) var agents: [UInt32] = []
    private(set) var hasBot = false
    private(set) var handoffs: [Int64] = []
    /// The oldest message of the customer that no human has answered.
    private(set) var unanswered: Int64?

    private var firstMessage: Int64?
    private var humanStart: Int64?

    /// - Parameter message: When the creation is the customer's first message.
    mutating func begin(_ message: Int64?) {
        responses.removeAll(keepingCapacity: true)
        replies.removeAll(keepingCapacity: true)
        agents.removeAll(keepingCapacity: true)
        handoffs.removeAll(keepingCapacity: true)
        first = nil
        firstOfAny = nil
        hasBot = false
        unanswered = message
        firstMessage = message
        humanStart = nil
    }

    mutating func message(_ event: TimelineEvent, agent: UInt32) {
        if event.author == .bot { hasBot = true }
        guard event.isPublic else { return }
        switch event.author {
        case .customer:
            firstMessage = firstMessage ?? event.time
            unanswered = unanswered ?? event.time
        case .agent:
            replies.append(event.time)
            if !agents.contains(agent) { agents.append(agent) }
            noteFirstOfAny(event.time)
            // Before the customer has written, an agent's message answers nothing.
            if first == nil, let firstMessage {
                first = FirstResponse(
                    start: firstMessage, humanStart: max(firstMessage, humanStart ?? firstMessage), time: event.time,
                    agent: agent)
                responses.append(Response(start: unanswered ?? firstMessage, time: event.time, isFirst: true))
            } else if let unanswered {
                responses.append(Response(start: unanswered, time: event.time, isFirst: false))
            }
            unanswered = nil
        case .bot: noteFirstOfAny(event.time)
        case .system: return
        }
    }

    private mutating func noteFirstOfAny(_ time: Int64) {
        if firstOfAny == nil, let firstMessage {
            firstOfAny = Response(start: firstMessage, time: time, isFirst: true)
        }
    }

    mutating func handOff(at time: Int64) {
        hasBot = true
        handoffs.append(time)
        humanStart = time
    }

    mutating func botSolved() { hasBot = true }

    /// The reopening of what the bot had solved.
    mutating func reopenedAfterBot(at time: Int64) { humanStart = time }
}
