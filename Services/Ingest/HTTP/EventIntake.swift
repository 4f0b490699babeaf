package import ServiceKit
package import SupportEvents
import Synchronization

/// Why one event of a request was refused.
package struct EventFault: Sendable, Equatable {
    /// Position in the request, from 0; blank lines do not count.
    package let index: Int
    /// JSON Pointer into the event; empty when all of it is meant.
    package let pointer: String
    package let reason: RejectionReason
    /// What the sender can do.
    package let hint: String
}

/// Checks the events of a request: all of them become records, or none.
///
/// Decoders are shared by requests in turn. Decoding is bounded work in memory, a few milliseconds for the largest body, so it
/// runs where the request runs.
package final class EventIntake: Sendable {
    package enum Verdict: Sendable, Equatable {
        case accepted([InboundRecord])
        /// Never empty, at most ``maximumFaults``, ascending by index.
        case refused([EventFault])
    }

    /// A request's faults beyond this many are not listed.
    package static let maximumFaults = 100
    /// Events that are decoded at a time: bounds the decoders' memory.
    private static let chunk = 1_024

    /// A decoder that one request at a time uses.
    private final class Slot: Sendable {
        let decoder: Mutex<EventDecoder>
        init(_ options: DecoderOptions) { decoder = Mutex(EventDecoder(options)) }
    }

    private let decoders: [Slot]
    private let turn = Atomic<Int>(0)

    /// - Parameters:
    ///   - rules: Give the aliases and how far in the future a time may lie.
    ///   - decoders: How many requests may be decoded at a time.
    package init(rules: Rules, decoders: Int = 4) {
        let options = DecoderOptions(rules)
        self.decoders = (0..<max(1, decoders)).map { _ in Slot(options) }
    }

    /// Other rules have come into force. Requests in progress may still be read under the ones before; the transform decides.
    package func adopt(_ rules: Rules) {
        let options = DecoderOptions(rules)
        for slot in decoders { slot.decoder.withLock { $0 = EventDecoder(options) } }
    }

    /// - Parameters:
    ///   - sourcePrefixes: What the events' `source` must begin with; nil: anything.
    ///   - now: Microseconds since 1970.
    package func read(_ body: [UInt8], _ mode: EventMode, sourcePrefixes: [String]?, now: Int64) -> Verdict {
        let places: [Range<Int>]
        switch mode {
        case .structured, .binary: places = [0..<body.count]
        case .lines: places = Self.lines(body)
        case .batched, .either:
            let isArray = body.first { !Self.isBlank($0) } == UInt8(ascii: "[")
            if mode == .either, !isArray {
                places = [0..<body.count]
                break
            }
            guard isArray else {
                let hint = "A batch is a JSON array of events."
                return .refused([EventFault(index: 0, pointer: "", reason: .malformedJSON, hint: hint)])
            }
            do {
                places = try EventSplitter.events(in: body)
            } catch {
                let place = error.offset.map { " The body breaks at byte \($0)." } ?? ""
                let hint = error.reason.hint + place
                return .refused([EventFault(index: 0, pointer: error.pointer, reason: error.reason, hint: hint)])
            }
        }
        let index = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return decoders[Int(UInt(bitPattern: index) % UInt(decoders.count))].decoder.withLock { decoder in
            Self.decode(body, places, mode, sourcePrefixes?.map { Array($0.utf8) }, now, decoder)
        }
    }

    private static func decode(
        _ body: [UInt8], _ places: [Range<Int>], _ mode: EventMode, _ prefixes: [[UInt8]]?, _ now: Int64,
        _ decoder: EventDecoder
    ) -> Verdict {
        var records: [InboundRecord] = []
        records.reserveCapacity(places.count)
        var faults: [EventFault] = []
        var headers: [InboundRecord.Header] = []
        if case .binary(let attributes) = mode {
            headers =
                attributes.map { .init("ce_\($0.attribute)", $0.value) } + [
                    .init("content-type", Array("application/json".utf8))
                ]
        }
        var start = 0
        while start < places.count, faults.count < maximumFaults {
            let end = min(places.count, start + chunk)
            decoder.begin()
            for place in places[start..<end] {
                if case .binary(let attributes) = mode {
                    decoder.add(
                        start: place.lowerBound, count: place.count,
                        attributes: attributes.map { ($0.attribute, $0.value) })
                } else {
                    decoder.add(start: place.lowerBound, count: place.count)
                }
            }
            decoder.decode(body, now: now)
            for index in start..<end {
                let event = decoder[index - start]
                if let fault = fault(event, index, prefixes, decoder) {
                    faults.append(fault)
                    if faults.count == maximumFaults { break }
                } else if faults.isEmpty {
                    let value = Array(body[places[index]])
                    records.append(InboundRecord(key: decoder.bytes(event.entity), value: value, headers: headers))
                }
            }
            start = end
        }
        return faults.isEmpty ? .accepted(records) : .refused(faults)
    }

    private static func fault(
        _ event: DecodedEvent, _ index: Int, _ prefixes: [[UInt8]]?, _ decoder: EventDecoder
    ) -> EventFault? {
        if let rejection = decoder.rejection(of: event) {
            let place = rejection.offset.map { " The event breaks at its byte \($0)." } ?? ""
            return EventFault(
                index: index, pointer: rejection.pointer, reason: rejection.reason, hint: rejection.reason.hint + place)
        }
        guard let prefixes else { return nil }
        let source = decoder.bytes(event.source)
        guard !prefixes.contains(where: { source.starts(with: $0) }) else { return nil }
        let allowed = prefixes.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " or ")
        return EventFault(
            index: index, pointer: "/source", reason: .invalidField,
            hint: "This token may only send events whose source begins with \(allowed).")
    }

    /// The places of the lines that are not blank.
    private static func lines(_ body: [UInt8]) -> [Range<Int>] {
        var places: [Range<Int>] = []
        var start = 0
        while start < body.count {
            let end = body[start...].firstIndex(of: UInt8(ascii: "\n")) ?? body.count
            if body[start..<end].contains(where: { !isBlank($0) }) { places.append(start..<end) }
            start = end + 1
        }
        return places
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }
}

extension DecoderOptions {
    /// What ingest's decoders accept under these rules.
    package init(_ rules: Rules) {
        self.init()
        futureTolerance = rules.maximumFuture * 1_000
        priorityAliases = rules.priorityAliases
        for (alias, name) in rules.statusAliases {
            statusAliases[alias] = TicketStatus.allCases.first { $0.name == name }
        }
        keepUnknown = rules.keepUnknown
        satisfiedScales = rules.satisfiedFrom.scales.map { ($0.minimum, $0.maximum) }
        // Without a reporting currency in the rules every one is taken: nothing says which would be wrong.
        if let reporting = rules.sections["currency"]?.text {
            currencies = [reporting] + (rules.sections["rates"]?.entries?.map(\.key) ?? [])
        }
    }
}
