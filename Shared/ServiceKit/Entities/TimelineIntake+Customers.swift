import Streams
import SupportEvents

/// What the events of customers and of finance carry beside their labels.
extension TimelineIntake {
    private static let decimals: [(EventPayload.Field, EventField)] = [
        (.mrr, .mrr), (.amount, .amount), (.margin, .margin),
    ]

    /// Appends the fields of subscriptions, purchases, costs and revenue, in ascending order of their tags.
    static func appendCustomerFields(
        _ event: DecodedEvent, _ decoder: EventDecoder, _ payload: inout EventPayload
    ) {
        if event.has(.subscriptionID) {
            decoder.withText(event.subscription) { payload.append(.subscription, $0) }
        }
        if event.has(.purchaseID) { decoder.withText(event.purchase) { payload.append(.purchase, $0) } }
        let content = EventContent(event, in: decoder)
        for (field, member) in decimals {
            switch content[member] {
            case .text(let text): payload.append(field, [1] + text)
            case .number(let text): payload.append(field, [0] + text)
            default: continue
            }
        }
        if let interval = event.interval { payload.append(.interval, number: Int64(interval.rawValue)) }
        if event.has(.intervalCount) { payload.append(.intervalCount, number: event.intervalCount) }
        if event.has(.quantity) { payload.append(.quantity, number: event.quantity) }
        if event.has(.currency) { decoder.withText(event.currency) { payload.append(.currency, $0) } }
        if event.has(.plan) { decoder.withText(event.plan) { payload.append(.plan, $0) } }
        if event.has(.costType) { decoder.withText(event.costType) { payload.append(.costType, $0) } }
    }

    /// Sets the members of a customer's field in `content`; false for a field that is none.
    static func setCustomerField(
        _ field: PayloadField, _ payload: EventPayload, _ content: inout EventContent
    ) throws(InternalRecordError) -> Bool {
        let bytes = Array(payload.bytes[field.value])
        switch field.field {
        case .subscription: content[.subscriptionID] = .text(bytes)
        case .purchase: content[.purchaseID] = .text(bytes)
        case .mrr, .amount, .margin:
            guard let first = bytes.first, let member = decimals.first(where: { $0.0 == field.field })?.1 else {
                throw InternalRecordError("a payload with an empty decimal")
            }
            let text = Array(bytes.dropFirst())
            content[member] = first == 1 ? .text(text) : .number(text)
        case .interval:
            guard let interval = BillingInterval(rawValue: UInt8(truncatingIfNeeded: try payload.number(field))) else {
                throw InternalRecordError("a payload with an unknown interval")
            }
            content.set(.interval, interval)
        case .intervalCount: content[.intervalCount] = .integer(try payload.number(field))
        case .quantity: content[.quantity] = .integer(try payload.number(field))
        case .currency: content[.currency] = .text(bytes)
        case .plan: content[.plan] = .text(bytes)
        case .costType: content[.costType] = .text(bytes)
        default: return false
        }
        return true
    }
}
