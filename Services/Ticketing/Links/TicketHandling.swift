import ServiceKit
import Streams

/// The handling time of a ticket and its contacts: work on the ticket goes once, to the latest contact that ended before it; a
/// ticket without contacts has its own.
struct TicketHandling {
    private struct Contact {
        var end: Int64
        var id: [UInt8]
        var attributes: DimensionValues
        /// Milliseconds.
        var time: Int64
    }

    private struct Work {
        var time: Int64
        var milliseconds: Int64
    }

    private var contacts: [Contact] = []
    private var work: [Work] = []
    private var solvedAt: Int64?
    private var attributes = DimensionValues()

    mutating func read(_ timeline: [TimelineEvent], _ output: inout DerivationOutput) throws(InternalRecordError) {
        contacts.removeAll(keepingCapacity: true)
        work.removeAll(keepingCapacity: true)
        solvedAt = nil
        attributes.clear()
        for item in timeline {
            var contact = Contact(end: item.time, id: [], attributes: DimensionValues(), time: 0)
            try output.forEachField(of: item) { (field, payload, output) throws(InternalRecordError) in
                switch field.field {
                case .contact: contact.id = Array(payload.bytes[field.value])
                case .duration: contact.time = try payload.number(field)
                case .instant: solvedAt = try payload.number(field)
                case .tags: contact.attributes.tags = try output.labels(field, of: payload)
                case .work:
                    var reader = BinaryReader(payload.bytes, at: field.value.lowerBound)
                    while reader.position < field.value.upperBound {
                        work.append(
                            Work(time: try reader.signedVarint(), milliseconds: try reader.signedVarint()))
                    }
                default:
                    guard let dimension = Dimension(field.field) else { return }
                    contact.attributes[dimension] = output.label(field, of: payload)
                }
            }
            if item.type == Fact.type(LinkFact.contactOfHandling) {
                contacts.append(contact)
            } else {
                attributes = contact.attributes
            }
        }
        contacts.sort { $0.end != $1.end ? $0.end < $1.end : $0.id.lexicographicallyPrecedes($1.id) }
    }

    mutating func addTimes(_ output: inout DerivationOutput) {
        guard !contacts.isEmpty else { return addOwnTime(&output) }
        for piece in work {
            // Work before the first contact's end goes to none: the ticket is not without contacts.
            guard let latest = contacts.lastIndex(where: { $0.end < piece.time }) else { continue }
            contacts[latest].time += piece.milliseconds
        }
        for contact in contacts {
            let cells = output.cells(of: contact.attributes)
            output.addMilliseconds(ContactMeasure.handleTime, contact.time, at: contact.end, cells: cells)
        }
    }

    private func addOwnTime(_ output: inout DerivationOutput) {
        guard let solvedAt else { return }
        let cells = output.cells(of: attributes)
        if work.isEmpty {
            output.add(ContactMeasure.unmeasured, at: solvedAt, cells: cells)
        } else {
            let sum = work.reduce(0) { $0 + $1.milliseconds }
            output.addMilliseconds(ContactMeasure.handleTime, sum, at: solvedAt, cells: cells)
        }
    }
}
