/// The event types of the public contract as far as a mapping needs them: which member names the entity, which members
/// there are, and how each is written in JSON.
package struct EventType: Sendable {
    package enum Form: Sendable, Equatable {
        case text, number, boolean, time, list
    }

    package let name: String
    /// The member whose value is the entity's id and the record's key.
    package let entity: String
    package let members: [String: Form]
    package let required: [String]

    package static func named(_ name: String) -> EventType? { all[name] }
    package static var names: [String] { all.keys.sorted() }

    private static let forms: [String: Form] = [
        "tags": .list, "public": .boolean, "resolved": .boolean, "created_at": .time, "seconds": .number,
        "talk_seconds": .number, "hold_seconds": .number, "wrap_seconds": .number, "score": .number, "scale": .list,
        "satisfied_from": .number, "sentiment": .number, "interval_count": .number, "quantity": .number,
        "margin": .number,
    ]

    private init(_ name: String, entity: String, _ members: String, required: String = "") {
        self.name = name
        self.entity = entity
        self.required = [entity] + required.split(separator: " ").map(String.init)
        var forms: [String: Form] = [:]
        for member in self.required + members.split(separator: " ").map(String.init) {
            forms[member] = Self.forms[member] ?? .text
        }
        self.members = forms
    }

    private static let ticketLabels =
        "customer_id channel priority category subcategory team agent_id tier segment tags"
    private static let surveyLabels = "ticket_id customer_id agent_id channel team category segment"
    private static let price = "mrr amount interval interval_count quantity currency plan"

    private static let all: [String: EventType] = {
        let types = [
            EventType("support.ticket.created", entity: "ticket_id", ticketLabels + " initiator status"),
            EventType("support.ticket.updated", entity: "ticket_id", ticketLabels),
            EventType(
                "support.ticket.status_changed", entity: "ticket_id", "agent_id actor reason", required: "status"),
            EventType("support.ticket.message", entity: "ticket_id", "public agent_id", required: "author"),
            EventType("support.ticket.worked", entity: "ticket_id", "agent_id", required: "seconds"),
            EventType("support.ticket.handed_off", entity: "ticket_id", "team agent_id"),
            EventType(
                "support.ticket.snapshot", entity: "ticket_id", ticketLabels + " initiator",
                required: "created_at status"),
            EventType("support.ticket.merged", entity: "ticket_id", "", required: "into"),
            EventType("support.ticket.deleted", entity: "ticket_id", "reason"),
            EventType("support.ticket.restored", entity: "ticket_id", ""),
            EventType(
                "support.contact.queued", entity: "contact_id",
                "ticket_id customer_id queue team category tier segment", required: "channel"),
            EventType("support.contact.answered", entity: "contact_id", "agent_id ticket_id"),
            EventType("support.contact.held", entity: "contact_id", "ticket_id"),
            EventType("support.contact.resumed", entity: "contact_id", "ticket_id"),
            EventType("support.contact.transferred", entity: "contact_id", "ticket_id team agent_id"),
            EventType(
                "support.contact.ended", entity: "contact_id",
                "ticket_id talk_seconds hold_seconds wrap_seconds resolved outcome"),
            EventType("support.contact.wrapped", entity: "contact_id", "", required: "seconds"),
            EventType("support.contact.abandoned", entity: "contact_id", "ticket_id in"),
            EventType("support.agent.state", entity: "agent_id", "team", required: "state"),
            EventType("support.survey.sent", entity: "survey_id", surveyLabels, required: "kind"),
            EventType(
                "support.survey.answered", entity: "survey_id",
                surveyLabels + " scale direction comment satisfied_from", required: "kind score"),
            EventType(
                "support.feedback.received", entity: "feedback_id", "sentiment customer_id category segment",
                required: "channel"),
            EventType("support.customer.created", entity: "customer_id", "segment tier"),
            EventType("support.customer.closed", entity: "customer_id", "reason"),
            EventType("support.subscription.started", entity: "customer_id", price, required: "subscription_id"),
            EventType("support.subscription.changed", entity: "customer_id", price, required: "subscription_id"),
            EventType("support.subscription.cancelled", entity: "customer_id", "reason", required: "subscription_id"),
            EventType("support.subscription.reactivated", entity: "customer_id", price, required: "subscription_id"),
            EventType(
                "support.purchase.completed", entity: "customer_id", "currency margin", required: "purchase_id amount"),
            EventType(
                "support.purchase.refunded", entity: "customer_id", "currency", required: "purchase_id amount"),
            EventType("support.customer.erased", entity: "customer_id", ""),
            EventType("support.cost.recorded", entity: "period", "currency cost_type team", required: "amount"),
            EventType("support.revenue.recorded", entity: "period", "currency", required: "amount"),
            EventType("support.period.closed", entity: "period", ""),
        ]
        return Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) })
    }()
}
