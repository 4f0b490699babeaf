import Deskbeat
import Foundation
import Testing

/// The published incident log through the shipped mapping, against figures that were computed elsewhere.
@Suite struct IncidentLogTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `DESKBEAT_SHARED_DATA`, or `../shared/data` of the package or of a work tree's parent.
    private static let data: URL? = {
        let named = environment("DESKBEAT_SHARED_DATA").map { URL(fileURLWithPath: $0) }
        let places = [named, root.appending(path: "../shared/data"), root.appending(path: "../../shared/data")]
        let found = places.compactMap { $0?.appending(path: "uci-incident-log") }
            .first { FileManager.default.fileExists(atPath: $0.appending(path: "truth_events.json").path) }
        if found == nil { print("the incident log is not here (DESKBEAT_SHARED_DATA); its test is skipped") }
        return found
    }()

    private struct State {
        var time: Int64
        var sequence: Int
        var created: Int64?
        /// nil leaves the status.
        var isSolved: Bool?
        var priority: String
    }

    @Test(.enabled(if: data != nil))
    func giveTheTrueFigures() async throws {
        let folder = try #require(Self.data)
        let truth = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: "truth_events.json")))
                as? [String: Any])
        let input = try ReplayInput(
            path: folder.appending(path: "incident_event_log.csv.gz").path,
            mapping: Self.root.appending(path: "deploy/mappings/uci-incident-log.yaml").path)
        var incidents: [String: [State]] = [:]
        var ids: Set<String> = []
        var more = true
        while more {
            let portion = try await input.next()
            more = portion.more
            #expect(portion.batch.rejected.isEmpty)
            #expect(portion.batch.skipped.isEmpty)
            for event in portion.batch.events {
                let event = try object(event)
                let data = try #require(event["data"] as? [String: Any])
                let status = data["status"] as? String
                let state = State(
                    time: try instant(event["time"]), sequence: try #require(event["sequence"] as? Int),
                    created: data["created_at"] == nil ? nil : try instant(data["created_at"]),
                    isSolved: status.map { $0 == "solved" || $0 == "closed" },
                    priority: try #require(data["priority"] as? String))
                incidents[try #require(data["ticket_id"] as? String), default: []].append(state)
                #expect(ids.insert(try #require(event["id"] as? String)).inserted)
            }
        }
        let figures = derive(incidents)
        #expect(incidents.count == truth["tickets_created"] as? Int)
        #expect(figures.created == truth["tickets_created_by_month"] as? [String: Int])
        #expect(figures.solved == truth["tickets_solved_by_month"] as? [String: Int])
        #expect(figures.reopened == truth["tickets_reopened_by_month"] as? [String: Int])
        #expect(figures.lastSolve == truth["last_solve_by_month"] as? [String: Int])
        #expect(figures.backlog == truth["backlog_at_end_of_month"] as? [String: Int])
        #expect(figures.reopenedOnce == truth["tickets_reopened_at_least_once"] as? Int)
        try check(figures.resolutions, truth["resolution_time"])
        let byPriority = try #require(truth["resolution_time_by_priority"] as? [String: Any])
        #expect(Set(figures.byPriority.keys) == Set(byPriority.keys))
        for (priority, values) in figures.byPriority { try check(values, byPriority[priority]) }
    }

    private struct Figures {
        var created: [String: Int] = [:]
        var solved: [String: Int] = [:]
        var reopened: [String: Int] = [:]
        var lastSolve: [String: Int] = [:]
        var backlog: [String: Int] = [:]
        var reopenedOnce = 0
        var resolutions: [Int64] = []
        var byPriority: [String: [Int64]] = [:]
    }

    private func derive(_ incidents: [String: [State]]) -> Figures {
        var figures = Figures()
        for states in incidents.values {
            let states = states.sorted { ($0.time, $0.sequence) < ($1.time, $1.sequence) }
            guard let created = states.lazy.compactMap(\.created).first, let last = states.last else { continue }
            figures.created[month(created), default: 0] += 1
            var isSolved = false
            var wasReopened = false
            var solvedAt: Int64?
            for state in states {
                guard let next = state.isSolved, next != isSolved else { continue }
                isSolved = next
                if next {
                    solvedAt = state.time
                    figures.solved[month(state.time), default: 0] += 1
                } else {
                    wasReopened = true
                    figures.reopened[month(state.time), default: 0] += 1
                }
            }
            figures.reopenedOnce += wasReopened ? 1 : 0
            guard let solvedAt, solvedAt >= created else { continue }
            figures.lastSolve[month(solvedAt), default: 0] += 1
            figures.resolutions.append((solvedAt - created) / 1_000_000)
            figures.byPriority[last.priority, default: []].append((solvedAt - created) / 1_000_000)
        }
        var open = 0
        for month in Set(figures.created.keys).union(figures.solved.keys).sorted() {
            open +=
                figures.created[month, default: 0] - figures.solved[month, default: 0]
                + figures.reopened[month, default: 0]
            figures.backlog[month] = open
        }
        return figures
    }

    private func check(_ values: [Int64], _ expected: Any?) throws {
        let expected = try #require(expected as? [String: Double])
        let sorted = values.sorted()
        #expect(Double(sorted.count) == expected["count"])
        #expect(Double(sorted.reduce(0, +)) / Double(sorted.count) == expected["mean_seconds"])
        for (name, q) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
            #expect(Double(sorted[Int(q * Double(sorted.count - 1))]) == expected[name])
        }
    }

    private func instant(_ value: Any?) throws -> Int64 {
        let text = try #require(value as? String)
        return try #require(TimePattern("iso").parse(Array(text.utf8)[...])).micros
    }

    private func month(_ micros: Int64) -> String {
        let time = CivilTime(micros: micros)
        return "\(time.year)-" + (time.month < 10 ? "0" : "") + "\(time.month)"
    }
}
