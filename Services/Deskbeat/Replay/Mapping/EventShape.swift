/// The event types of the public contract as far as a mapping needs them: which member names the entity, which members
/// there are, and how each is written in JSON.
package struct EventShape: Sendable {
    package enum Form: Sendable, Equatable {
        case text, number, boolean, time, list
    }

    package let name: String
    /// The member whose value is the entity's id and the record's key.
    package let entity: String
    package let members: [String: Form]
    package let required: [String]

    package static func named(_ name: String) -> EventShape? { all[name] }
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

    private static let all: [String: EventShape] = {
        let types = [
            EventShape("support.ticket.created", entity: "ticket_id", ticketLabels + " initiator status"),
            EventShape("support.ticket.updated", entity: "ticket_id", ticketLabels),
            EventShape(
                "support.ticket.status_changed", entity: "ticket_id", "agent_id actor reason", required: "status"),
            EventShape("support.ticket.message", entity: "ticket_id", "public agent_id", required: "author"),
            EventShape("support.ticket.worked", entity: "ticket_id", "agent_id", required: "seconds"),
            EventShape("support.ticket.handed_off", entity: "ticket_id", "team agent_id"),
            EventShape(
                "support.ticket.snapshot", entity: "ticket_id", ticketLabels + " initiator",
                required: "created_at status"),
            EventShape("support.ticket.merged", entity: "ticket_id", "", required: "into"),
            EventShape("support.ticket.deleted", entity: "ticket_id", "reason"),
            EventShape("support.ticket.restored", entity: "ticket_id", ""),
            EventShape(
                "support.contact.queued", entity: "contact_id",
                "ticket_id customer_id queue team category tier segment", required: "channel"),
            EventShape("support.contact.answered", entity: "contact_id", "agent_id ticket_id"),
            EventShape("support.contact.held", entity: "contact_id", "ticket_id"),
            EventShape("support.contact.resumed", entity: "contact_id", "ticket_id"),
            EventShape("support.contact.transferred", entity: "contact_id", "ticket_id team agent_id"),
            EventShape(
                "support.contact.ended", entity: "contact_id",
                "ticket_id talk_seconds hold_seconds wrap_seconds resolved outcome"),
            EventShape("support.contact.wrapped", entity: "contact_id", "", required: "seconds"),
            EventShape("support.contact.abandoned", entity: "contact_id", "ticket_id in"),
            EventShape("support.agent.state", entity: "agent_id", "team", required: "state"),
            EventShape("support.survey.sent", entity: "survey_id", surveyLabels, required: "kind"),
            EventShape(
                "support.survey.answered", entity: "survey_id",
                surveyLabels + " scale direction comment satisfied_from", required: "kind score"),
            EventShape(
                "support.feedback.received", entity: "feedback_id", "sentiment customer_id category segment",
                required: "channel"),
            EventShape("support.customer.created", entity: "customer_id", "segment tier"),
            EventShape("support.customer.closed", entity: "customer_id", "reason"),
            EventShape("support.subscription.started", entity: "customer_id", price, required: "subscription_id"),
            EventShape("support.subscription.changed", entity: "customer_id", price, required: "subscription_id"),
            EventShape("support.subscription.cancelled", entity: "customer_id", "reason", required: "subscription_id"),
            EventShape("support.subscription.reactivated", entity: "customer_id", price, required: "subscription_id"),
            EventShape(
                "support.purchase.completed", entity: "customer_id", "currency margin", required: "purchase_id amount"),
            EventShape(
                "support.purchase.refunded", entity: "customer_id", "currency", required: "purchase_id amount"),
            EventShape("support.customer.erased", entity: "customer_id", ""),
            EventShape("support.cost.recorded", entity: "period", "currency cost_type team", required: "amount"),
            EventShape("support.revenue.recorded", entity: "period", "currency", required: "amount"),
            EventShape("support.period.closed", entity: "period", ""),
        ]
        return Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) })
    }()
}
