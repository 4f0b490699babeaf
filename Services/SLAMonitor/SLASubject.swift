/// What promises are about.
enum SLASubject: String {
    case ticket, contact

    /// The member of an alert's data that names it.
    var idMember: String {
        switch self {
        case .ticket: "ticket_id"
        case .contact: "contact_id"
        }
    }
}
