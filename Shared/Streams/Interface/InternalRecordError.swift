/// A record that this installation wrote itself (changelog or repartition topic) cannot be understood, or belongs to
/// another partition. It is never skipped: the task stops and readiness fails.
///
/// The task states the reason; the runtime adds topic, partition and offset (see ``StreamFailure``).
public struct InternalRecordError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for the operator.
    public var reason: String

    /// Index into `batch.records` of the record that is to blame; `nil` for a changelog record, or when the error is not
    /// about one record.
    public var record: Int?

    public init(_ reason: String, record: Int? = nil) {
        self.reason = reason
        self.record = record
    }

    public var description: String { reason }
}
