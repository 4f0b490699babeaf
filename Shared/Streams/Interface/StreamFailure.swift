/// Why a stage has stopped for good. The process exits with status 1 and this description.
public enum StreamFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// A record of a changelog or of a repartition topic cannot be used. Nothing internal is ever skipped.
    case internalRecord(topic: String, partition: Int32, offset: Int64, reason: String)

    /// A record of an input without dead letters has ended the process three times.
    case crashedProcessing(topic: String, partition: Int32, offset: Int64)

    /// State or topics do not fit the settings.
    case incompatible(String)

    /// Three errors within 5 minutes after which the clients had to be built anew.
    case repeatedFailures(last: String, isFenced: Bool, instance: String)

    public var description: String {
        switch self {
        case .internalRecord(let topic, let partition, let offset, let reason):
            """
            the internal record \(topic)[\(partition)]@\(offset) cannot be used: \(reason). Nothing internal is skipped; \
            check that the version that wrote it is not newer than this one
            """
        case .crashedProcessing(let topic, let partition, let offset):
            """
            the internal record \(topic)[\(partition)]@\(offset) has ended the process three times. Nothing internal is \
            skipped; this is a defect, please report it with the crash logs
            """
        case .incompatible(let reason): reason
        case .repeatedFailures(let last, let isFenced, let instance):
            isFenced
                ? """
                two processes share DESKBEAT_INSTANCE (\(instance)): each fences the other. Give every process a name of \
                its own. Last error: \(last)
                """
                : "three fatal Kafka errors within 5 minutes; the last one: \(last)"
        }
    }
}

/// Ends the work of one set of handles.
package enum WorkerError: Error, Sendable, Hashable {
    /// Destroy the handles and begin again with a restore.
    case rebuild(String, isFenced: Bool)
    /// The broker does not answer: begin again, as often as it takes.
    case unavailable(String)
    case stop(StreamFailure)
}

extension ClientError {
    /// The error outside of a transaction.
    var rebuild: WorkerError { .rebuild(description, isFenced: isFenced) }
}
