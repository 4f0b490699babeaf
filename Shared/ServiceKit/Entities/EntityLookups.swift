import Synchronization

/// Questions about entities from other threads: each is answered by the task that owns the partition, on its own thread and at
/// its own clock.
public final class EntityLookups: Sendable {
    public enum Question: Sendable {
        /// About the entity with this id.
        case entity([UInt8])
        /// About the entities for which something happens next: at most so many.
        case soonest(Int)
    }

    /// One answer, as a JSON object.
    public struct Entry: Sendable {
        /// By which answers of several tasks are put into an order; µs since 1970.
        public var instant: Int64
        public var json: [UInt8]

        public init(instant: Int64, json: [UInt8]) {
            self.instant = instant
            self.json = json
        }
    }

    public enum Failure: Error, Sendable {
        /// Another instance owns the partition, or none does.
        case elsewhere
        /// The partition's state is being restored, or the task is busy.
        case notNow
    }

    package typealias Reply = @Sendable (Result<[Entry], any Error>) -> Void

    private struct Waiting: Sendable {
        let number: Int
        let question: Question
        let reply: Reply
    }

    private struct State {
        /// The task of each partition that is here, and whether it has its state.
        var seats: [Int32: (number: Int, isReady: Bool)] = [:]
        var waiting: [Int32: [Waiting]] = [:]
        var lastNumber = 0
    }

    private let state = Mutex(State())
    private let patience: Duration

    /// - Parameter patience: How long an answer is waited for.
    public init(patience: Duration = .seconds(5)) {
        self.patience = patience
    }

    /// The partitions whose tasks are here and can answer.
    public var partitions: [Int32] { state.withLock { $0.seats.filter(\.value.isReady).keys.sorted() } }

    /// - Throws: ``Failure``.
    public func ask(_ question: Question, of partition: Int32) async throws -> [Entry] {
        try await withCheckedThrowingContinuation { continuation in
            ask(question, of: partition) { continuation.resume(with: $0) }
        }
    }

    /// - Parameter reply: Called once: by the task's thread with its answer, or with a ``Failure``.
    package func ask(_ question: Question, of partition: Int32, reply: @escaping Reply) {
        let failure: Failure? = state.withLock { state in
            guard let seat = state.seats[partition] else { return .elsewhere }
            guard seat.isReady else { return .notNow }
            state.lastNumber += 1
            state.waiting[partition, default: []].append(
                Waiting(number: state.lastNumber, question: question, reply: reply))
            let number = state.lastNumber
            Task { [weak self, patience] in
                try? await Task.sleep(for: patience)
                self?.giveUp(number, partition)
            }
            return nil
        }
        if let failure { reply(.failure(failure)) }
    }

    private func giveUp(_ number: Int, _ partition: Int32) {
        let late = state.withLock { state -> Waiting? in
            guard let place = state.waiting[partition]?.firstIndex(where: { $0.number == number }) else { return nil }
            return state.waiting[partition]?.remove(at: place)
        }
        late?.reply(.failure(Failure.notNow))
    }

    /// The place of one task; ends with it.
    final class Seat {
        private let lookups: EntityLookups
        private let partition: Int32
        private let number: Int

        init(_ lookups: EntityLookups, partition: Int32) {
            self.lookups = lookups
            self.partition = partition
            number = lookups.state.withLock { state in
                state.lastNumber += 1
                state.seats[partition] = (state.lastNumber, false)
                return state.lastNumber
            }
        }

        deinit {
            let left = lookups.state.withLock { state -> [Waiting] in
                // A task that has been made anew may have taken its place already.
                guard state.seats[partition]?.number == number else { return [] }
                state.seats[partition] = nil
                return state.waiting.removeValue(forKey: partition) ?? []
            }
            for waiting in left { waiting.reply(.failure(Failure.elsewhere)) }
        }

        func isReady() { lookups.state.withLock { $0.seats[partition] = (number, true) } }

        /// Answers what has been asked meanwhile.
        func answer(_ body: (Question) -> [Entry]) {
            let asked = lookups.state.withLock { state -> [Waiting] in
                state.waiting.isEmpty ? [] : state.waiting.removeValue(forKey: partition) ?? []
            }
            for waiting in asked { waiting.reply(.success(body(waiting.question))) }
        }
    }
}
