import Deskbeat
import Foundation
import Testing

/// The published month of a bank's call centre through the shipped mapping, against figures that were computed elsewhere.
@Suite struct CallCentreTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `DESKBEAT_SHARED_DATA`, or `../shared/data` of the package or of a work tree's parent.
    private static let data: URL? = {
        let named = environment("DESKBEAT_SHARED_DATA").map { URL(fileURLWithPath: $0) }
        let places = [named, root.appending(path: "../shared/data"), root.appending(path: "../../shared/data")]
        let found = places.compactMap { $0?.appending(path: "technion-anonymous-bank") }
            .first { FileManager.default.fileExists(atPath: $0.appending(path: "truth.json").path) }
        if found == nil { print("the call centre's month is not here (DESKBEAT_SHARED_DATA); its test is skipped") }
        return found
    }()

    private static var mapping: String { root.appending(path: "deploy/mappings/technion-call-centre.yaml").path }

    private struct Call {
        var queued: Int64?
        var answered: Int64?
        var abandoned: Int64?
        var ended: Int64?
        var talk = 0.0
        var agent: String?
    }

    private func calls(_ batches: [ReplayBatch]) throws -> [String: Call] {
        var calls: [String: Call] = [:]
        for event in batches.flatMap(\.events) {
            let event = try object(event)
            let data = try #require(event["data"] as? [String: Any])
            let text = try #require(event["time"] as? String)
            let time = try #require(TimePattern("iso").parse(Array(text.utf8)[...])).micros / 1_000_000
            let id = try #require(data["contact_id"] as? String)
            switch event["type"] as? String {
            case "support.contact.queued":
                #expect(calls[id]?.queued == nil)
                calls[id, default: Call()].queued = time
            case "support.contact.answered":
                calls[id, default: Call()].answered = time
                calls[id]?.agent = data["agent_id"] as? String
            case "support.contact.abandoned": calls[id, default: Call()].abandoned = time
            case "support.contact.ended":
                #expect(calls[id]?.ended == nil)
                calls[id, default: Call()].ended = time
                calls[id]?.talk = try #require(data["talk_seconds"] as? Double)
            default: Issue.record("unexpected \(event)")
            }
        }
        return calls
    }

    @Test(.enabled(if: data != nil)) func givesTheTrueFigures() async throws {
        let folder = try #require(Self.data)
        let root = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: "truth.json")))
                as? [String: Any])
        let truth = try #require(root["january"] as? [String: Any])
        let input = try ReplayInput(
            path: folder.appending(path: "january.txt.gz").path, mapping: Self.mapping)
        var batches: [ReplayBatch] = []
        var more = true
        while more {
            let portion = try await input.next()
            more = portion.more
            #expect(portion.batch.rejected.isEmpty)
            batches.append(portion.batch)
        }
        let calls = try Array(calls(batches).values)
        let answered = calls.filter { $0.answered != nil }
        let abandoned = calls.filter { $0.abandoned != nil }
        #expect(calls.allSatisfy { $0.queued != nil })
        #expect(answered.allSatisfy { $0.ended != nil && $0.abandoned == nil })
        #expect(answered.count == truth["answered(AGENT)"] as? Int)
        #expect(abandoned.count == truth["hang_in_queue(abandoned)"] as? Int)
        func check(_ values: [Double], _ name: String) throws {
            let expected = try #require(truth[name] as? [String: Any])
            #expect(values.reduce(0, +) == expected["sum"] as? Double, "\(name)")
            #expect(values.max() == expected["max"] as? Double, "\(name)")
        }
        try check(answered.map { Double(($0.answered ?? 0) - ($0.queued ?? 0)) }, "wait_s(answered)")
        try check(abandoned.map { Double(($0.abandoned ?? 0) - ($0.queued ?? 0)) }, "wait_s(abandoned)")
        try check(answered.map(\.talk), "service_s(answered)")
        for seconds in [20, 30, 60] {
            let level = try #require(truth["service_level_\(seconds)s"] as? [String: Any])
            let within = answered.filter { ($0.answered ?? 0) - ($0.queued ?? 0) <= Int64(seconds) }
            #expect(within.count == level["num"] as? Int)
            #expect(calls.count == level["den"] as? Int)
        }
        // By day, in local winter time.
        let byDate = try #require(root["january_by_date"] as? [String: [String: Any]])
        for (date, figures) in byDate {
            let day = 1_262_296_800 + (try #require(Int64(date.suffix(2))) - 1) * 86_400
            let ofDay = answered.filter { (day..<day + 86_400).contains($0.queued ?? 0) }
            #expect(ofDay.count == figures["answered(AGENT)"] as? Int, "\(date)")
        }
    }

    private static let header =
        "vru+line\tcall_id\tcustomer_id\tpriority\ttype\tdate\tvru_entry\tvru_exit\tvru_time\tq_start\tq_exit\tq_time\toutcome\tser_start\tser_exit\tser_time\tserver\n"

    private func mapped(_ row: String) throws -> (calls: [Call], batch: ReplayBatch) {
        let batch = try replay(Self.header + row + "\n", String(contentsOfFile: Self.mapping, encoding: .utf8))
        return (try calls([batch]).map(\.value), batch)
    }

    @Test func overMidnight() throws {
        let row =
            "AA01\t7\t12\t2\tPS\t990131\t23:59:50\t0:00:05\t15\t0:00:05\t0:00:25\t20\tAGENT\t0:00:24\t0:02:24\t120\tDANA"
        let call = try #require(try mapped(row).calls.first)
        // 2010-02-01T00:00:05+02:00.
        #expect(call.queued == 1_264_975_205)
        #expect(call.answered == 1_264_975_225)
        #expect(call.ended == 1_264_975_344)
        #expect(call.agent == "DANA")
    }

    @Test func queuedAtMidnightAndABlankForATab() throws {
        let row =
            "AA01 7\t0\t0\tPS\t990131\t23:59:50\t0:00:00\t10\t0:00:00\t0:00:08\t8\tHANG\t0:00:00\t0:00:00\t0\tNO_SERVER"
        let result = try mapped(row)
        let call = try #require(result.calls.first)
        #expect(call.queued == 1_264_975_200)
        #expect(call.abandoned == 1_264_975_208)
        #expect(!String(decoding: result.batch.events[0].value, as: UTF8.self).contains("customer_id"))
    }

    @Test func noServiceTime() throws {
        let row =
            "AA01\t7\t0\t0\tPS\t990105\t13:00:00\t13:01:00\t60\t0:00:00\t0:00:00\t0\tAGENT\t0:00:00\t0:00:00\t0\tNO_SERVER"
        let call = try #require(try mapped(row).calls.first)
        #expect(call.queued == call.answered)
        #expect(call.ended == call.answered)
        #expect(call.agent == nil)
    }

    @Test(arguments: ["PHANTOM", "HANG"]) func whatWasNeverQueuedIsSkipped(_ outcome: String) throws {
        let row =
            "AA01\t7\t0\t0\tPS\t990105\t13:00:00\t13:01:00\t60\t0:00:00\t0:00:00\t0\t\(outcome)\t0:00:00\t0:00:00\t0\tNO_SERVER"
        let result = try mapped(row)
        #expect(result.calls.isEmpty)
        #expect(result.batch.skipped.values.reduce(0, +) == 1)
    }
}
