import Deskbeat
import Kafka
import Synchronization
import Testing

/// A cluster of two stages that work only while `pause` is called: each pause lets the first stage that can take one record.
private final class ToyCluster: IdleCluster {
    struct State {
        /// High watermark of each topic's only partition; nil: no such topic.
        var ends: [String: Int64] = [:]
        var positions: [String: (offset: Int64, metadata: String)] = [:]
        var pauses = 0
        var sampled: [String] = []
        var stopped: Set<String> = []
    }

    let state: Mutex<State>
    private let step: @Sendable (inout State) -> Void
    private let limit: Int

    init(_ state: State, limit: Int = 1_000, step: @escaping @Sendable (inout State) -> Void) {
        self.state = Mutex(state)
        self.limit = limit
        self.step = step
    }

    func partitions(of topic: String) async throws -> [TopicPartition]? {
        state.withLock { $0.ends[topic] == nil ? nil : [TopicPartition(topic: topic, partition: 0)] }
    }

    func highWatermarks(_ partitions: [TopicPartition]) async throws -> [TopicPartition: Int64] {
        state.withLock { state in
            state.sampled += partitions.map(\.topic)
            return Dictionary(uniqueKeysWithValues: partitions.map { ($0, state.ends[$0.topic] ?? 0) })
        }
    }

    func rulesVersion() async throws -> Int64 { 3 }

    func committed(
        _ group: String, _ partitions: [TopicPartition]
    ) async throws -> [TopicPartition: (offset: Int64, metadata: String)] {
        state.withLock { state in
            guard let position = state.positions[group] else { return [:] }
            return Dictionary(uniqueKeysWithValues: partitions.map { ($0, position) })
        }
    }

    func isRunning(_ group: String) async throws -> Bool {
        state.withLock { !$0.stopped.contains(group) }
    }

    func pause() async throws -> Bool {
        state.withLock { state in
            state.pauses += 1
            guard state.pauses <= limit else { return false }
            step(&state)
            return true
        }
    }
}

@Suite struct IdleWalkTests {
    private static let stages = [
        StageEntry(service: "a", name: "one", inputs: ["in"], hasChangelog: false, group: "a-one"),
        StageEntry(service: "b", name: "two", inputs: ["mid"], hasChangelog: true, group: "b-two"),
    ]

    /// The second stage's input is sampled after the first one has passed: what it wrote meanwhile counts.
    @Test func followsTheEventsThroughTheStages() async throws {
        let cluster = ToyCluster(
            .init(ends: ["in": 5, "mid": 0], positions: ["a-one": (0, #"{"dirty":0,"clock":0}"#)])
        ) { state in
            if let one = state.positions["a-one"], one.offset < 5 {
                state.positions["a-one"] = (one.offset + 1, #"{"dirty":0,"clock":1}"#)
                state.ends["mid", default: 0] += 2
            } else {
                let two = state.positions["b-two"]?.offset ?? 0
                let next = min(two + 3, state.ends["mid"] ?? 0)
                let dirty = two == next ? 0 : 1
                state.positions["b-two"] = (next, #"{"dirty":\#(dirty),"clock":1}"#)
            }
        }
        #expect(try await IdleWalk.run(Self.stages, cluster) == .idle)
        let state = cluster.state.withLock { $0 }
        #expect(state.positions["b-two"]?.offset == 10)
        #expect(state.positions["b-two"]?.metadata == #"{"dirty":0,"clock":1}"#)
        #expect(state.sampled == ["in", "mid"])
    }

    /// Whoever applies rules and waits finds what follows from them.
    @Test func waitsForTheNewestRules() async throws {
        let cluster = ToyCluster(
            .init(
                ends: ["in": 1, "mid": 1],
                positions: [
                    "a-one": (1, #"{"dirty":0,"clock":0}"#), "b-two": (1, #"{"dirty":0,"clock":1,"settings":2}"#),
                ])
        ) { state in
            state.positions["a-one"] = (1, #"{"dirty":0,"clock":1}"#)
            if state.pauses > 4 { state.positions["b-two"] = (1, #"{"dirty":0,"clock":1,"settings":3}"#) }
        }
        #expect(try await IdleWalk.run(Self.stages, cluster) == .idle)
        #expect(cluster.state.withLock { $0.pauses } == 5)
    }

    /// A window that has ended is closed by the clock alone: a clock from before the walk, or none yet, says that it may be open.
    @Test func waitsForTheClocks() async throws {
        let cluster = ToyCluster(
            .init(
                ends: ["in": 1, "mid": 1],
                positions: ["a-one": (1, #"{"dirty":0,"clock":70}"#), "b-two": (1, #"{"dirty":0,"clock":0}"#)])
        ) { state in
            if state.pauses == 3 { state.positions["a-one"] = (1, #"{"dirty":0,"clock":80}"#) }
            if state.pauses == 5 { state.positions["b-two"] = (1, #"{"dirty":0,"clock":79}"#) }
            if state.pauses == 7 { state.positions["b-two"] = (1, #"{"dirty":0,"clock":80}"#) }
        }
        #expect(try await IdleWalk.run(Self.stages, cluster) == .idle)
        #expect(cluster.state.withLock { $0.pauses } == 7)
    }

    @Test(arguments: [["a-one"], ["b-two"], ["a-one", "b-two"]])
    func aStageThatNobodyRunsIsNotWaitedFor(stopped: Set<String>) async throws {
        let cluster = ToyCluster(
            .init(
                ends: ["in": 1, "mid": 1],
                positions: ["a-one": (1, #"{"dirty":0,"clock":70}"#), "b-two": (1, #"{"dirty":0,"clock":60}"#)],
                stopped: stopped)
        ) { state in
            for group in ["a-one", "b-two"] where !stopped.contains(group) {
                state.positions[group] = (1, #"{"dirty":0,"clock":90}"#)
            }
        }
        #expect(try await IdleWalk.run(Self.stages, cluster) == .idle)
        #expect(cluster.state.withLock { $0.pauses } == (stopped.count == 2 ? 0 : 1))
    }

    @Test func saysWhatLags() async throws {
        func cluster(_ two: String) -> ToyCluster {
            ToyCluster(
                .init(
                    ends: ["in": 5, "mid": 7],
                    positions: ["a-one": (5, #"{"dirty":0,"clock":1}"#), "b-two": (7 as Int64, two)]),
                limit: 3
            ) { $0.positions["a-one"] = (5, #"{"dirty":0,"clock":2}"#) }
        }
        let partition = TopicPartition(topic: "mid", partition: 0)
        var lag = IdleLag(stage: "b/two", partition: partition, end: 7, position: 7, dirty: 3)
        lag.clock = 2
        #expect(try await IdleWalk.run(Self.stages, cluster(#"{"dirty":3,"clock":2}"#)) == .timedOut([lag]))
        lag.dirty = 0
        lag.clock = 1
        lag.hasOldClock = true
        #expect(try await IdleWalk.run(Self.stages, cluster(#"{"dirty":0,"clock":1}"#)) == .timedOut([lag]))
    }

    @Test func topicThatNeverComes() async throws {
        let cluster = ToyCluster(.init(ends: ["in": 0]), limit: 2) { _ in }
        #expect(try await IdleWalk.run(Self.stages, cluster) == .missing(stage: "b/two", topic: "mid"))
    }

    @Test func idleness() {
        let partition = TopicPartition(topic: "t", partition: 0)
        func lag(_ end: Int64, _ position: Int64?, _ dirty: Int?) -> Bool {
            IdleLag(stage: "s", partition: partition, end: end, position: position, dirty: dirty).isIdle
        }
        #expect(lag(0, nil, nil))
        #expect(!lag(1, nil, nil))
        #expect(lag(5, 5, 0) && lag(5, 9, 0) && lag(5, 5, nil))
        #expect(!lag(5, 4, 0) && !lag(5, 5, 1))
    }
}
