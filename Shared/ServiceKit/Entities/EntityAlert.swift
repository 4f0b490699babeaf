/// A record that an entity publishes itself, in the transaction of the change that it tells of.
public struct EntityAlert: Sendable, Hashable {
    /// The record's key.
    public var key: [UInt8]
    /// Decides the partition: records that belong together are read in their order.
    public var partitionKey: [UInt8]
    /// Repeated in the header `ce_type`.
    public var type: String
    /// The CloudEvent.
    public var value: [UInt8]

    public init(key: [UInt8], partitionKey: [UInt8], type: String, value: [UInt8]) {
        self.key = key
        self.partitionKey = partitionKey
        self.type = type
        self.value = value
    }
}
