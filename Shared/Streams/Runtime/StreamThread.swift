import CoreMetrics
import FoundationEssentials
import Kafka
import Logging

/// Runs workers on a thread of its own, one after the other: a worker whose handles are of no more use is replaced.
struct StreamThread: Sendable {
    /// How long a poll may wait when there is nothing to do; also the delay of the stop: milliseconds.
    private static let wait: Int64 = 20
    /// Between two attempts to reach the broker: milliseconds.
    private static let pause: Int64 = 500

    let stage: StageDefinition
    let number: Int
    let instance: String
    let clients: any StreamClients
    let progress: ProgressObserver
    let time: any TimeSource
    let logger: Logger
    let options: StreamWorker.Options
    let stop: StopSignal
    /// Called in every round.
    let report: @Sendable (ThreadPhase) -> Void

    /// - Throws: why the stage cannot go on.
    func run() throws(StreamFailure) {
        let metrics = StreamMetrics(stage: stage, thread: number)
        var backoff = FatalBackoff()
        while !stop.isSet {
            report(.starting)
            let worker = StreamWorker(
                stage: stage, thread: number, identity: stage.identity(instance: instance, thread: number),
                clients: clients, time: time, progress: progress, logger: logger, options: options)
            do throws(WorkerError) {
                try work(worker)
            } catch {
                worker.discard(deadline: .after(.seconds(5)))
                switch error {
                case .stop(let failure): throw failure
                case .unavailable(let reason):
                    logger.warning("the broker does not answer, trying again", metadata: ["reason": "\(reason)"])
                    _ = stop.wait(milliseconds: Self.pause)
                case .rebuild(let reason, let isFenced):
                    metrics.rebuilds.increment()
                    switch backoff.failed(now: time.monotonic) {
                    case .exit:
                        throw .repeatedFailures(last: reason, isFenced: isFenced, instance: instance)
                    case .rebuild(let pause):
                        logger.error(
                            "the Kafka clients are given up and built anew",
                            metadata: ["reason": "\(reason)", "pause_ms": "\(pause)"])
                        _ = stop.wait(milliseconds: pause)
                    }
                }
            }
        }
        report(.stopped)
    }

    private func work(_ worker: StreamWorker) throws(WorkerError) {
        try worker.open()
        while !stop.isSet {
            try worker.step(wait: Self.wait)
            report(worker.phase)
        }
        try worker.close(deadline: .after(.seconds(stop.remaining)))
    }
}
