import FoundationEssentials
import Kafka
import Logging
import Synchronization

/// Looks at clocks and end offsets from a thread of its own, so that no stream waits for an answer.
final class ProgressObserver: ProgressSource, Sendable {
    /// Milliseconds between two looks, for which a due timer waits: half of the commit interval, since what follows from a look
    /// is committed then.
    private var interval: Int64 { min(max(stage.commitInterval / 2, 50), 250) }
    private static let pauseAfterError: Int64 = 1_000

    private struct Shared {
        var watched: [Int: [TopicPartition]] = [:]
        var look: ProgressLook?
    }

    private let shared = Mutex(Shared())
    private let stage: StageDefinition
    private let clients: any StreamClients
    private let identity: String
    private let time: any TimeSource
    private let logger: Logger
    private let stop: StopSignal

    init(
        stage: StageDefinition, clients: any StreamClients, identity: String, time: any TimeSource, logger: Logger,
        stop: StopSignal
    ) {
        self.stage = stage
        self.clients = clients
        self.identity = identity
        self.time = time
        self.logger = logger
        self.stop = stop
    }

    func watch(_ partitions: [TopicPartition], thread: Int) {
        shared.withLock { $0.watched[thread] = partitions }
    }

    func latest() -> ProgressLook? {
        shared.withLock { $0.look }
    }

    /// Looks until the stop.
    func run() {
        // Numbers go on over new handles: a thread takes a look with a known number for one that it has seen.
        var number: UInt64 = 0
        while !stop.isSet {
            do throws(ClientError) {
                try look(&number)
            } catch {
                logger.warning("end offsets cannot be observed; clocks wait", metadata: ["error": "\(error)"])
                _ = stop.wait(milliseconds: Self.pauseAfterError)
            }
        }
    }

    private func look(_ number: inout UInt64) throws(ClientError) {
        let looker = try ProgressLooker(stage: stage, clients: clients, identity: "\(identity)-clocks", time: time)
        defer { looker.close(deadline: .after(.seconds(2))) }
        repeat {
            let partitions = shared.withLock { $0.watched.sorted { $0.key < $1.key }.flatMap(\.value) }
            do throws(ClientError) {
                var look = try looker.look(at: partitions, deadline: .after(.seconds(2)))
                number += 1
                look.number = number
                shared.withLock { $0.look = look }
            } catch {
                guard error.reaction == .retry else { throw error }
                logger.debug("a look failed, trying again", metadata: ["error": "\(error)"])
            }
            MemoryRelease.shared.look(now: time.monotonic)
        } while !stop.wait(milliseconds: interval)
    }
}
