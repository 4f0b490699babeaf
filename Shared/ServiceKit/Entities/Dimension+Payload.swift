extension Dimension {
    /// The dimension that a member of an event's payload is a value of.
    public init?(_ field: EventPayload.Field) {
        switch field {
        case .channel: self = .channel
        case .priority: self = .priority
        case .category: self = .category
        case .subcategory: self = .subcategory
        case .team: self = .team
        case .tier: self = .tier
        case .segment: self = .segment
        case .queue: self = .queue
        case .agent: self = .agent
        case .tags: self = .tag
        case .plan: self = .plan
        case .customer, .reason, .into, .voidsSource, .voidsID, .createdAt, .duration: return nil
        case .ticket, .score, .scaleMinimum, .scaleMaximum, .satisfiedFrom, .sentiment, .comment: return nil
        case .subscription, .purchase, .mrr, .amount, .margin, .interval, .intervalCount, .quantity: return nil
        case .currency, .costType: return nil
        case .talk, .hold, .wrap, .instant, .contact, .work, .source: return nil
        }
    }
}
