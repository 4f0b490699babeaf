import CSimdjson

/// A member's value in a batch, in the form in which it is written again.
enum EventForm {
    case text(EventText)
    case name(String)
    case tags
    case bool(Bool)
    case integer(Int64)
    case number(EventText)
    case range(EventText, EventText)
    case milliseconds(Int64)
    case time(Int64)
    case reference(source: EventText, id: EventText)
}

extension DecodedEvent {
    /// The value of a member that is present.
    func form(of field: EventField) -> EventForm {
        switch field {
        case .ticketID: .text(ticket)
        case .customerID: .text(customer)
        case .agentID: .text(agent)
        case .contactID, .surveyID, .feedbackID, .period: .text(entity)
        case .priority: .text(priority)
        case .category: .text(category)
        case .subcategory: .text(subcategory)
        case .team: .text(team)
        case .tier: .text(tier)
        case .segment: .text(segment)
        case .queue: .text(queue)
        case .plan: .text(plan)
        case .into: .text(into)
        case .subscriptionID: .text(subscription)
        case .purchaseID: .text(purchase)
        case .costType: .text(costType)
        case .currency: .text(currency)
        case .comment: .text(comment)
        case .tags: .tags
        // A deletion's reason is a closed set of two, so whatever else a source writes there goes no further.
        case .reason: type == .ticketDeleted ? .name(deletion == .spam ? "spam" : "deleted") : .text(reason)
        case .channel: .name(channel?.name ?? "")
        case .initiator: .name(initiator?.name ?? "")
        case .status: .name(status?.name ?? "")
        case .actor: .name(actor?.name ?? "")
        case .author: .name(author?.name ?? "")
        case .outcome: .name(outcome?.name ?? "")
        case .in: .name(abandonedIn.name)
        case .state: .name(agentState?.name ?? "")
        case .kind: .name(kind?.name ?? "")
        case .direction: .name(direction.name)
        case .interval: .name(interval?.name ?? "")
        case .public: .bool(isPublic)
        case .resolved: .bool(raw.resolved)
        case .seconds: .milliseconds(milliseconds)
        case .talkSeconds: .milliseconds(talkMilliseconds)
        case .holdSeconds: .milliseconds(holdMilliseconds)
        case .wrapSeconds: .milliseconds(wrapMilliseconds)
        case .createdAt: .time(createdAt)
        case .voids: .reference(source: voidsSource, id: voidsID)
        case .score: .number(EventText(raw.score_text))
        case .scale: .range(EventText(raw.scale_min_text), EventText(raw.scale_max_text))
        case .satisfiedFrom: .number(EventText(raw.satisfied_from_text))
        case .sentiment: .number(EventText(raw.sentiment_text))
        case .mrr: raw.mrr_quoted ? .text(mrr) : .number(mrr)
        case .amount: raw.amount_quoted ? .text(amount) : .number(amount)
        case .margin: raw.margin_quoted ? .text(margin) : .number(margin)
        case .intervalCount: .integer(intervalCount)
        case .quantity: .integer(quantity)
        }
    }
}
