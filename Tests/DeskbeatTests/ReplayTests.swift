import Deskbeat
import Foundation
import Synchronization
import Testing

/// Keeps what it is sent; fails at the event with the given number.
private final class RecordingSink: EventSink {
    private struct State {
        var values: [String] = []
        var flushed = 0
    }

    private let state = Mutex(State())
    private let failsAt: Int?

    struct Failure: Error {}

    init(failsAt: Int? = nil) { self.failsAt = failsAt }

    var values: [String] { state.withLock { $0.values } }

    func send(_ events: [ReplayEvent]) async throws {
        try state.withLock { state in
            for event in events {
                if state.values.count == failsAt { throw Failure() }
                state.values.append(String(decoding: event.value, as: UTF8.self))
            }
        }
    }

    func flush() async throws { state.withLock { $0.flushed = $0.values.count } }
}

@Suite struct ReplayTests {
    private func lines(_ count: Int) -> String {
        (0..<count).map {
            #"{"type":"support.ticket.created","time":"2026-01-01T00:00:00Z","data":{"ticket_id":"\#($0)"}}"# + "\n"
        }
        .joined()
    }

    @Test func resumesBehindTheLastCheckpoint() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("events.ndjson", lines(50_000))
        let state = directory.path + "/state.json"

        let first = RecordingSink(failsAt: 45_000)
        var replay = Replay(
            input: try ReplayInput(path: file, mapping: nil), sink: first, speed: .max, stateFile: state)
        await #expect(throws: RecordingSink.Failure.self) { try await replay.run(from: 0) }

        let input = try ReplayInput(path: file, mapping: nil)
        let saved = try ReplayState.resume(from: state, input: input.identity)
        #expect(saved.rows > 20_000 && saved.rows < 45_000)
        #expect(!saved.finished)
        let second = RecordingSink()
        replay = Replay(input: input, sink: second, speed: .max, stateFile: state)
        let summary = try await replay.run(from: saved.rows)
        #expect(summary.events == 50_000 - saved.rows)
        #expect(
            Array(first.values.prefix(saved.rows)) + second.values
                == lines(50_000).split(separator: "\n").map(String.init))
        #expect(try ReplayState.resume(from: state, input: input.identity).finished)
    }

    @Test func stateOfAnotherFileIsRefused() throws {
        let directory = try TemporaryDirectory()
        let state = directory.path + "/state.json"
        let one = try ReplayInput(path: directory.file("a.ndjson", lines(1)), mapping: nil)
        let two = try ReplayInput(path: directory.file("b.ndjson", lines(2)), mapping: nil)
        try ReplayState(input: one.identity, rows: 1, finished: false).save(to: state)
        #expect(throws: InputError.self) { try ReplayState.resume(from: state, input: two.identity) }
        _ = try directory.file("state.json", "{")
        #expect(throws: InputError.self) { try ReplayState.resume(from: state, input: one.identity) }
        #expect(try ReplayState.resume(from: directory.path + "/none", input: one.identity).rows == 0)
    }

    @Test func unreadableLinesAreCountedAndTheRestSent() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("e.ndjson", "{}\nnonsense\n{}\n")
        let sink = RecordingSink()
        var replay = Replay(input: try ReplayInput(path: file, mapping: nil), sink: sink, speed: .max, stateFile: nil)
        let summary = try await replay.run(from: 0)
        #expect(sink.values == ["{}", "{}"])
        #expect((summary.rows, summary.rejected) == (3, 1))
    }

    @Test func filesThatAreNoEventsSayWhatIsMissing() throws {
        let directory = try TemporaryDirectory()
        let table = try directory.file("a.csv", "x\n")
        #expect(throws: InputError.self) { try ReplayInput(path: table, mapping: nil) }
        #expect(throws: InputError.self) { try ReplayInput(path: directory.path, mapping: nil) }
        #expect(throws: InputError.self) { try ReplayInput(path: directory.path + "/none", mapping: nil) }
        let mapping = try directory.file("m.yaml", "source: x\n")
        let error = #expect(throws: MappingError.self) { try ReplayInput(path: table, mapping: mapping) }
        #expect(try #require(error).description.hasPrefix(mapping + ":1:1: "))
    }

    @Test func paceIsTheDistanceOfTheEventsDividedByTheFactor() {
        #expect(ReplaySpeed(argument: "max") == .max)
        #expect(ReplaySpeed(argument: "realtime") == .times(1))
        #expect(ReplaySpeed(argument: "60x") == .times(60))
        for bad in ["0", "-1", "nan", "inf", "fast", ""] { #expect(ReplaySpeed(argument: bad) == nil) }
        var pace = Pace(.times(60))
        #expect(pace.due(1_000_000) == nil)
        #expect(pace.due(61_000_000) == .seconds(1))
        #expect(pace.due(500_000) == nil)
        #expect(pace.due(nil) == nil)
        #expect(pace.due(121_000_000) == .seconds(2))
        var max = Pace(.max)
        #expect(max.due(1) == nil && max.due(9_000_000) == nil)
    }
}
