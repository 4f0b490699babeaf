/// How to reach a cluster, and any librdkafka property.
///
/// Properties fall in three layers: the defaults of each kind of client, then `properties`, then what the client's
/// guarantees rest on (`enable.idempotence`, `isolation.level`, `enable.auto.commit` ...). A property that contradicts
/// the last layer makes the client's initializer throw, it is never ignored.
public struct KafkaConfiguration: Sendable {
    /// `host:port,host:port`.
    public var bootstrapServers: String
    /// Names the client in the brokers' logs and quotas. At most 63 characters reach the broker: see `shortened`.
    public var clientID: String
    /// librdkafka properties by their names (`sasl.username`).
    public var properties: [String: String]
    /// How often librdkafka's statistics are published as metrics; zero turns them off.
    public var statisticsInterval: Duration

    public init(
        bootstrapServers: String, clientID: String = "deskbeat", properties: [String: String] = [:],
        statisticsInterval: Duration = .seconds(5)
    ) {
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
        self.properties = properties
        self.statisticsInterval = statisticsInterval
    }

    /// The same cluster under another client id: one per handle, so that brokers' logs tell them apart.
    public func client(_ id: String) -> KafkaConfiguration {
        var copy = self
        copy.clientID = id
        return copy
    }

    /// librdkafka before 2.5 can crash on long client ids. A longer one keeps its first 54 bytes and gets a hash of
    /// the whole, so that it stays unique and the same over restarts.
    static func shortened(_ id: String) -> String {
        guard id.utf8.count > 63 else { return id }
        var hash: UInt32 = 0x811c_9dc5  // FNV-1a, 32 bits
        for byte in id.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let hex = String(hash, radix: 16)
        let head = String(decoding: id.utf8.prefix(54).map { $0 < 0x80 ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        return head + "-" + String(repeating: "0", count: 8 - hex.count) + hex
    }
}

extension KafkaConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Property values that may be secret are not shown, neither here nor by `dump`.
    public var description: String {
        let shown = properties.keys.sorted().map { "\($0)=\(Self.isPublic($0) ? properties[$0] ?? "" : "***")" }
        return "bootstrap.servers=\(bootstrapServers) client.id=\(clientID) \(shown.joined(separator: " "))"
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["configuration": description]) }

    /// Allow-list by group: everything about credentials lives under `sasl.` and `ssl.`, of which only these say
    /// nothing secret.
    private static func isPublic(_ property: String) -> Bool {
        let harmless: Set<String> = [
            "sasl.mechanism", "sasl.mechanisms", "ssl.ca.location", "ssl.endpoint.identification.algorithm",
        ]
        let lowered = property.lowercased()
        if harmless.contains(lowered) { return true }
        let secretive = ["sasl", "ssl", "password", "secret", "token", "key", "credential", "jaas", "oauth"]
        return !secretive.contains { lowered.contains($0) }
    }
}
