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

    /// The record was written under a later version of the stage's settings than the task was made with: nothing is wrong,
    /// the task has to be made anew first. The runtime takes the transaction back and waits for that version.
    public var neededSettings: Int64?

    public init(_ reason: String, record: Int? = nil) {
        self.reason = reason
        self.record = record
    }

    /// - Parameter neededSettings: version of ``StageDefinition/settings``.
    public init(neededSettings: Int64, record: Int) {
        self.init("written under version \(neededSettings) of the settings, which is not known here", record: record)
        self.neededSettings = neededSettings
    }

    public var description: String { reason }
}
