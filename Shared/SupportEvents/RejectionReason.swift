/// Why an event was refused. Identifiers are part of the public contract, raw values are persisted.
public enum RejectionReason: UInt8, CaseIterable, Sendable {
    case malformedJSON = 1
    case notCloudEvents = 2
    case unknownType = 3
    case missingField = 4
    case invalidField = 5
    case tooLarge = 6
    case tooLate = 7
    case inFuture = 8
    case unsupportedCurrency = 9
    case unknownVendor = 10
    case entityExpired = 11
    case orphanExpired = 12
    case entityTooLarge = 13
    case crashedProcessing = 14

    /// The stable identifier that senders see.
    public var identifier: String {
        switch self {
        case .malformedJSON: "malformed_json"
        case .notCloudEvents: "not_cloudevents"
        case .unknownType: "unknown_type"
        case .missingField: "missing_field"
        case .invalidField: "invalid_field"
        case .tooLarge: "too_large"
        case .tooLate: "too_late"
        case .inFuture: "in_future"
        case .unsupportedCurrency: "unsupported_currency"
        case .unknownVendor: "unknown_vendor"
        case .entityExpired: "entity_expired"
        case .orphanExpired: "orphan_expired"
        case .entityTooLarge: "entity_too_large"
        case .crashedProcessing: "crashed_processing"
        }
    }

    /// What the sender can do about it: one English sentence.
    public var hint: String {
        switch self {
        case .malformedJSON: "Send one JSON text in UTF-8 (RFC 8259), nested at most 1024 deep."
        case .notCloudEvents: "Send a CloudEvents 1.0 event: a JSON object with \"specversion\": \"1.0\"."
        case .unknownType: "Use one of the event types of the contract; they are matched exactly."
        case .missingField: "Add the member that the pointer names."
        case .invalidField: "Correct the member that the pointer names: its type, range or value is not allowed."
        case .tooLarge: "Send less: an event may have at most 256 KiB."
        case .tooLate: "Correct the time: nothing before 2000-01-01 is accepted."
        case .inFuture: "Correct the sender's clock or time zone: the event's time has not come yet."
        case .unsupportedCurrency: "Send the reporting currency, or give a rate for this one in the rules file."
        case .unknownVendor: "Use the name of a supported vendor in the path."
        case .entityExpired: "The entity was closed long ago and its history is gone; open a new one."
        case .orphanExpired: "The creation of this entity never came; send it first, or within the waiting time."
        case .entityTooLarge: "The entity has reached the limit of 4096 events; open a new one."
        case .crashedProcessing: "Processing this event failed three times; report it with the dead letter."
        }
    }

    /// The reason of a stable identifier.
    public init?(identifier: String) {
        guard let reason = Self.allCases.first(where: { $0.identifier == identifier }) else { return nil }
        self = reason
    }
}

/// A refused value: why, and where.
public struct Rejection: Error, Equatable, Sendable {
    public var reason: RejectionReason
    /// JSON Pointer (RFC 6901) of the member concerned; empty when the whole value is.
    public var pointer: String
    /// Byte of the value at which its grammar broke, when that is known.
    public var offset: Int?

    public init(reason: RejectionReason, pointer: String = "", offset: Int? = nil) {
        self.reason = reason
        self.pointer = pointer
        self.offset = offset
    }
}
