/// Members of `data` that the contract names. The raw value is the bit in `DecodedEvent.present` and `.null`.
public enum EventField: UInt8, CaseIterable, Sendable {
    case ticketID = 0
    case customerID = 1
    case channel = 2
    case priority = 3
    case category = 4
    case subcategory = 5
    case team = 6
    case agentID = 7
    case tier = 8
    case segment = 9
    case tags = 10
    case initiator = 11
    case status = 12
    case actor = 13
    case reason = 14
    case author = 15
    case `public` = 16
    case seconds = 17
    case createdAt = 18
    case into = 19
    case voids = 20
    case contactID = 21
    case queue = 22
    case talkSeconds = 23
    case holdSeconds = 24
    case wrapSeconds = 25
    case resolved = 26
    case outcome = 27
    case `in` = 28
    case state = 29
    case surveyID = 30
    case feedbackID = 31
    case kind = 32
    case score = 33
    case scale = 34
    case direction = 35
    case comment = 36
    case satisfiedFrom = 37
    case sentiment = 38
    case subscriptionID = 39
    case purchaseID = 40
    case mrr = 41
    case amount = 42
    case interval = 43
    case intervalCount = 44
    case quantity = 45
    case currency = 46
    case plan = 47
    case margin = 48
    case period = 49
    case costType = 50

    /// The member's bit.
    @inlinable public var mask: UInt64 { 1 << UInt64(rawValue) }

    /// The member's name in JSON.
    public var name: String { Schema.shared.fieldNames[Int(rawValue)] }
}

/// Whether a member was left out, given as `null` in a type where that clears it, or given a value.
public enum Presence: Sendable {
    case absent
    case null
    case value
}
