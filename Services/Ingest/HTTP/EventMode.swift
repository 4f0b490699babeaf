package import HTTPTypes
package import SupportEvents

/// How a request carries events (CloudEvents HTTP protocol binding 1.0.2, section 3).
package enum EventMode: Sendable, Equatable {
    /// The body is one event.
    case structured
    /// The body is an array of events.
    case batched
    /// The body is `application/json`: one event or an array of them.
    case either
    /// The body is an event's data; its attributes are headers.
    case binary([EventAttribute])
    /// One event per line.
    case lines

    /// An attribute that came as a header.
    package struct EventAttribute: Sendable, Equatable {
        package let attribute: CloudEventAttribute
        package let value: [UInt8]
    }

    /// - Returns: nil for a media type that carries no events.
    package init?(headers: HTTPFields) {
        guard let contentType = headers[.contentType] else { return nil }
        if contentType == "application/cloudevents+json" {
            self = .structured
            return
        }
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        switch type {
        case "application/cloudevents+json": self = .structured
        case "application/cloudevents-batch+json": self = .batched
        case "application/x-ndjson", "application/ndjson", "application/jsonl": self = .lines
        case "application/json", "text/json":
            let attributes = headers.compactMap { field -> EventAttribute? in
                guard let attribute = CloudEventAttribute(header: field.name.canonicalName) else { return nil }
                return EventAttribute(attribute: attribute, value: Self.decoded(field.value))
            }
            self = attributes.isEmpty ? .either : .binary(attributes)
        default: return nil
        }
    }

    /// Header values are percent-encoded where they are not printable ASCII; what is no valid escape stands for itself.
    private static func decoded(_ value: String) -> [UInt8] {
        let bytes = Array(value.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return bytes }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
