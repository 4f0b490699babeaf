import CoreMetrics
import FoundationEssentials
import Kafka
import Logging
import Streams
import Synchronization

/// Follows the rules topic on a thread of its own: applies the operator's file first, if there is one, then brings each
/// new version into force.
final class RulesFollower: Sendable {
    /// A file to be applied at the start.
    struct File: Sendable {
        var path: String
        var text: String
    }

    private enum Event: Sendable {
        case ended((any Error)?)
        case caughtUp
    }

    private let topic: RulesTopic
    private let kafka: KafkaConfiguration
    private let inForce: RulesInForce
    private let file: File?
    private let logger: Logger
    private let version: Gauge
    /// Makes what the stages need under a version; throws when the service cannot run under it.
    private let accept: @Sendable (Rules) throws -> RulesInForce.Makers
    private let isStopped = Atomic<Bool>(false)
    private let (beginning, begin) = AsyncStream<Result<Void, any Error>>.makeStream()
    private let (ending, end) = AsyncStream<Result<Void, any Error>>.makeStream()

    private static let publishingBudget = Duration.seconds(60)

    init(
        topic: RulesTopic, kafka: KafkaConfiguration, inForce: RulesInForce, file: File?, logger: Logger,
        version: Gauge, accept: @escaping @Sendable (Rules) throws -> RulesInForce.Makers
    ) {
        self.topic = topic
        self.kafka = kafka
        self.inForce = inForce
        self.file = file
        self.logger = logger
        self.version = version
        self.accept = accept
    }

    /// Starts, and returns when every version that was there is known. Once.
    func start() async throws {
        OSThread.start("rules") { [self] in
            do {
                try run()
                end.yield(.success(()))
            } catch {
                begin.yield(.failure(error))
                end.yield(.failure(error))
            }
            begin.finish()
            end.finish()
        }
        for await result in beginning { return try result.get() }
    }

    /// The follower as a part of the service: when it fails, the service ends.
    func stage(of service: String) -> RunningStage {
        RunningStage(
            name: "\(service)/rules", obstacle: { nil },
            run: { [self] in for await result in ending { return try result.get() } },
            stop: { [self] in isStopped.store(true, ordering: .relaxed) })
    }

    private func run() throws {
        if let file {
            switch try topic.publish(file.text, file: file.path, .after(Self.publishingBudget)) {
            case .published(let record):
                logger.notice(
                    "rules applied", metadata: ["file": "\(file.path)", "rules_version": "\(record.version)"])
            case .unchanged: break
            }
        }
        var log = try RulesLog(kafka, topic: topic.name, logger: logger)
        defer { log.close() }
        var hasBegun = false
        var versions = RulesVersions()
        var latest: RulesRecord?
        while !isStopped.load(ordering: .relaxed) {
            for record in try log.next(timeout: .milliseconds(hasBegun ? 500 : 100)) {
                versions.add(record)
                latest = record
            }
            guard log.hasReachedEnd else { continue }
            // Of several versions that have come together only the newest comes into force.
            if let record = latest { try take(record, versions) }
            latest = nil
            inForce.read(to: log.position)
            guard !hasBegun else { continue }
            hasBegun = true
            if inForce.version == 0 {
                inForce.take(inForce.rules, try accept(inForce.rules))
                version.record(0)
            }
            begin.yield(.success(()))
        }
    }

    private func take(_ record: RulesRecord, _ versions: RulesVersions) throws {
        guard let rules = try versions.newest() else { return }
        do {
            inForce.take(rules, try accept(rules))
        } catch {
            throw RulesTopicError(unusable: record, error)
        }
        if !versions.unreadable.isEmpty {
            logger.warning(
                "earlier versions of the rules cannot be read; what began under them goes on under the ones before",
                metadata: ["versions": "\(versions.unreadable.map(String.init).joined(separator: " "))"])
        }
        version.record(record.version)
        logger.notice(
            "rules in force",
            metadata: ["rules_version": "\(record.version)", "sha256": "\(record.sha256)", "file": "\(record.file)"])
    }
}
