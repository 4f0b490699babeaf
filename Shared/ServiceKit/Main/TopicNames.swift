/// The full names of an installation's public topics.
public struct TopicNames: Sendable, Hashable {
    /// With its dot: `support.`.
    public let prefix: String

    public init(prefix: String) {
        self.prefix = prefix
    }

    public var inbound: String { prefix + "inbound" }
    public var tickets: String { prefix + "tickets" }
    public var contacts: String { prefix + "contacts" }
    public var surveys: String { prefix + "surveys" }
    public var customers: String { prefix + "customers" }
    public var finance: String { prefix + "finance" }
    public var alerts: String { prefix + "alerts" }
    public var deadLetters: String { prefix + "deadletter" }
}
