import Foundation

/// An event of a ticket or a contact as a helpdesk would send it: a CloudEvent in structured JSON.
struct TicketEvent {
    var id: String
    /// Behind `support.`.
    var type: String
    /// Microseconds after ``epoch``.
    var at: Int64
    var sequence: Int?
    /// Member names with their JSON; the entity's id comes by itself.
    var data: [(String, String)]

    init(_ id: String, _ type: String, at: Int64, sequence: Int? = nil, _ data: [(String, String)] = []) {
        self.id = id
        self.type = type
        self.at = at
        self.sequence = sequence
        self.data = data
    }

    /// 2026-01-05T00:00:00Z, a Monday, in seconds since 1970.
    static let epoch: Int64 = 1_767_571_200
    static let second: Int64 = 1_000_000
    static let minute: Int64 = 60 * second
    static let hour: Int64 = 60 * minute
    static let day: Int64 = 24 * hour

    static func time(_ micros: Int64) -> String {
        let seconds = epoch + Int64((Double(micros) / 1e6).rounded(.down))
        let fraction = micros - (seconds - epoch) * second
        let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        return text.dropLast() + "." + String(format: "%06lld", fraction) + "Z"
    }

    func json(ticket: String) -> [UInt8] { json("ticket_id", ticket) }

    func json(contact: String) -> [UInt8] { json("contact_id", contact) }

    private func json(_ member: String, _ entity: String) -> [UInt8] {
        let members = ([(member, "\"\(entity)\"")] + data).map { "\"\($0.0)\":\($0.1)" }
        let sequence = sequence.map { ",\"sequence\":\"\($0)\"" } ?? ""
        return Array(
            """
            {"specversion":"1.0","id":"\(entity)-\(id)","source":"https://acme.example/desk","type":"support.\(type)",\
            "time":"\(Self.time(at))"\(sequence),"data":{\(members.joined(separator: ","))}}
            """.utf8)
    }
}

/// An event on its way.
struct Arrival {
    var entity: String
    var isContact = false
    var event: TicketEvent
}
