import SLA
import Streams

extension DerivationOutput {
    /// What policies look at, as an event leaves it.
    ///
    /// - Parameter attributes: Those before the event; what it does not name stays.
    mutating func attributes(
        of event: TimelineEvent, over attributes: TicketAttributes
    ) throws(InternalRecordError) -> TicketAttributes {
        var attributes = attributes
        try forEachField(of: event) { (field, payload, _) throws(InternalRecordError) in
            func text() -> String? {
                field.isNull ? nil : String(decoding: payload.bytes[field.value], as: UTF8.self)
            }
            switch field.field {
            case .channel: attributes[.channel] = text()
            case .priority: attributes[.priority] = text()
            case .category: attributes[.category] = text()
            case .subcategory: attributes[.subcategory] = text()
            case .team: attributes[.team] = text()
            case .tier: attributes[.tier] = text()
            case .segment: attributes[.segment] = text()
            case .queue: attributes[.queue] = text()
            case .agent: attributes.agent = text()
            case .customer: attributes.customer = text()
            case .tags:
                attributes.tags = []
                guard !field.isNull else { return }
                for tag in try payload.values(field) { attributes.tags.append(String(decoding: tag, as: UTF8.self)) }
            default: return
            }
        }
        return attributes
    }
}
