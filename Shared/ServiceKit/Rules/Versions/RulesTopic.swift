package import Kafka
package import Logging

#if canImport(Glibc)
    import Glibc
#endif

/// The topic on which the versions of the rules file stand. Its methods block: for a thread that is not of the cooperative
/// pool.
package struct RulesTopic: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// The file is the newest version already.
        case unchanged(RulesRecord)
        case published(RulesRecord)

        package var record: RulesRecord {
            switch self {
            case .unchanged(let record), .published(let record): record
            }
        }
    }

    /// `deskbeat.rules`.
    package let name: String
    private let kafka: KafkaConfiguration
    private let logger: Logger

    package init(internalPrefix: String, kafka: KafkaConfiguration, logger: Logger) {
        name = internalPrefix + "rules"
        self.kafka = kafka
        self.logger = logger
    }

    /// The newest version, nil when there is none. The topic must exist.
    package func newest(_ deadline: Deadline) throws -> RulesRecord? {
        var newest: RulesRecord?
        try read(deadline) { newest = $0 }
        return newest
    }

    /// The rules in force with the versions before them; the built-in ones when none have been published. The topic must exist.
    package func rules(_ deadline: Deadline) throws -> Rules {
        var versions = RulesVersions()
        try read(deadline) { versions.add($0) }
        return try versions.newest() ?? .default
    }

    private func read(_ deadline: Deadline, _ body: (RulesRecord) -> Void) throws {
        var log = try RulesLog(kafka, topic: name, logger: logger)
        defer { log.close() }
        while !log.hasReachedEnd {
            try log.next(timeout: .milliseconds(200)).forEach(body)
            if deadline.isExpired { throw RulesTopicError("the topic \(name) could not be read in time") }
        }
    }

    /// Publishes `text` as the next version, unless it is the newest already. Whoever publishes at the same time takes a
    /// number of his own: the transactional id admits one writer, and the other one begins again after a random time, so that
    /// a dozen processes that start together on a slow broker do not take the id from one another for ever.
    ///
    /// - Parameters:
    ///   - text: a rules file that has been checked.
    ///   - file: its name, for people.
    package func publish(_ text: String, file: String, _ deadline: Deadline) throws -> Outcome {
        let sha256 = RulesRecord.sha256(of: text)
        var longestWait = Duration.milliseconds(250)
        while true {
            // Nearly always it is there: somebody else has published it, or an earlier start. Then nobody is fenced.
            if let newest = try newest(deadline), newest.sha256 == sha256 { return .unchanged(newest) }
            do {
                return try attempt(text, file, deadline)
            } catch let error as KafkaError
                where (error.isFenced || error.reaction == .abort) && !deadline.isExpired
            {
                // Fenced in the middle of it, a transaction may also come out as one to be aborted.
                logger.debug("another program publishes rules at the same time, trying again")
                let wait = deadline.limited(to: longestWait * Double.random(in: 0..<1)).remaining ?? .zero
                usleep(UInt32(wait / .microseconds(1)))
                longestWait = min(longestWait * 2, .seconds(8))
            }
        }
    }

    private func attempt(_ text: String, _ file: String, _ deadline: Deadline) throws -> Outcome {
        let producer = try TransactionalProducer(configuration: kafka, transactionalID: name, logger: logger)
        defer { try? producer.close(.after(.seconds(5))) }
        try repeating(deadline) { () throws(KafkaError) in try producer.initTransactions(deadline) }
        try repeating(deadline) { () throws(KafkaError) in try producer.warm([name], deadline) }
        // Behind the fence: nobody else adds a version before this transaction has ended.
        let newest = try newest(deadline)
        if let newest, newest.sha256 == RulesRecord.sha256(of: text) { return .unchanged(newest) }
        var record = RulesRecord(version: (newest?.version ?? 0) + 1, file: file, text: text)
        let (key, value) = (RulesRecord.key(record.version), record.value)
        guard value.count <= RulesRecord.maximumBytes else {
            throw RulesTopicError(
                "\(file) is too large for a record (\(value.count) bytes, at most \(RulesRecord.maximumBytes)); shorten it"
            )
        }
        try producer.begin()
        try unsafe producer.send(
            topic: name, partition: 0, key: key.span.bytes, value: value.span.bytes)
        if record.version > RulesVersions.kept {
            let oldest = RulesRecord.key(record.version - Int64(RulesVersions.kept))
            try unsafe producer.send(topic: name, partition: 0, key: oldest.span.bytes, value: nil)
        }
        try repeating(deadline) { () throws(KafkaError) in try producer.commit(deadline) }
        record.publishedAt = try self.newest(deadline)?.publishedAt ?? 0
        return .published(record)
    }

    @discardableResult
    private func repeating<Result>(
        _ deadline: Deadline, _ body: () throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                guard error.reaction == .retry, !deadline.isExpired else { throw error }
            }
        }
    }
}
