import Kafka

/// The transactional producer of one stream thread, and the only way to end a transaction.
final class TransactionSession {
    enum End {
        case committed
        case aborted(String)
    }

    private let producer: any StreamProducer
    private var machine = TransactionMachine()
    /// Counts assignments; see ``TransactionMachine/Standing``.
    var assignment: UInt64 = 0

    /// Written since the last end.
    private(set) var records = 0
    private(set) var bytes = 0

    init(_ producer: any StreamProducer) {
        self.producer = producer
    }

    func topic(_ name: String) throws(WorkerError) -> Int {
        do throws(ClientError) {
            return try producer.topic(name)
        } catch {
            throw error.rebuild
        }
    }

    var isOpen: Bool { machine.state != .idle }

    /// Writes one record into the transaction, which begins with the first. Errors surface at the end.
    ///
    /// - Parameter topic: as returned by ``topic(_:)``.
    func send(topic: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]) {
        var action = machine.write(under: assignment)
        if action == .begin {
            do throws(ClientError) {
                try producer.begin()
                action = machine.succeeded()
            } catch {
                action = machine.failed(error.reaction, error.description, expired: true)
            }
        }
        guard action == .write else { return }
        do throws(ClientError) {
            try producer.send(topic: topic, partition: partition, key: key, value: value, headers: headers)
        } catch {
            machine.writeFailed(error.reaction, error.description)
        }
        records += 1
        bytes += (key?.byteCount ?? 0) + (value?.byteCount ?? 0)
    }

    /// Ends the transaction, retrying within `deadline` what can be retried.
    ///
    /// - Throws: ``WorkerError/rebuild(_:isFenced:)`` when the producer is of no more use or the outcome unknown.
    func end(
        _ wish: TransactionMachine.Wish, isLost: Bool, generation: GroupGeneration?,
        offsets: [TopicPartition: OffsetAndMetadata], deadline: Deadline
    ) throws(WorkerError) -> End {
        let standing = TransactionMachine.Standing(
            assignmentLost: isLost, generation: generation?.generation ?? -1, assignment: assignment)
        var action = machine.end(wish, standing)
        var call = action
        var fenced = false
        defer {
            records = 0
            bytes = 0
        }
        while true {
            switch action {
            case .done(.committed): return .committed
            case .done(.aborted(let reason)): return .aborted(reason)
            case .rebuild(let reason): throw .rebuild(reason, isFenced: fenced)
            case .write, .drop: preconditionFailure("not the end of a transaction")
            case .again: break
            case .begin, .sendOffsets, .commit, .abort: call = action
            }
            do throws(ClientError) {
                switch call {
                case .begin: try producer.begin()
                case .sendOffsets:
                    // The machine has downgraded the commit if there is no generation.
                    if let generation {
                        try producer.sendOffsets(offsets, generation: generation, deadline: deadline)
                    }
                case .commit: try producer.commit(deadline: deadline)
                default: try producer.abort(deadline: deadline)
                }
                action = machine.succeeded()
            } catch {
                fenced = fenced || error.isFenced
                action = machine.failed(error.reaction, error.description, expired: deadline.isExpired)
            }
        }
    }

    func close(deadline: Deadline) {
        producer.close(deadline: deadline)
    }
}
