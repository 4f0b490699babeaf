import Deskbeat
import Foundation
import Testing

/// The published passenger survey through the shipped mapping, against figures that were computed elsewhere.
@Suite struct PassengerSurveyTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let data: URL? = {
        let folder = environment("DESKBEAT_SHARED_DATA").map { URL(fileURLWithPath: $0).appending(path: "sfo-survey") }
        let found = folder.flatMap {
            FileManager.default.fileExists(atPath: $0.appending(path: "truth.json").path) ? $0 : nil
        }
        if found == nil { print("the passenger survey is not here (DESKBEAT_SHARED_DATA); its test is skipped") }
        return found
    }()

    private struct Answer: Hashable {
        var kind: String
        var score: Int
        var day: Int
        var area: String
    }

    @Test(.enabled(if: data != nil)) func blanksAreNoAnswers() async throws {
        let folder = try #require(Self.data)
        let file = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: "truth.json")))
                as? [String: Any])
        let truth = try #require(file["2017"] as? [String: Any])
        let input = try ReplayInput(
            path: folder.appending(path: "2017_SFO_Customer_Survey.csv").path,
            mapping: Self.root.appending(path: "deploy/mappings/sfo-survey.yaml").path)
        var answers: [Answer] = []
        var surveys: Set<String> = []
        var rows = 0
        var more = true
        while more {
            let portion = try await input.next()
            more = portion.more
            #expect(portion.batch.rejected.isEmpty)
            rows += portion.batch.skipped.values.reduce(0, +)
            for event in portion.batch.events {
                let event = try object(event)
                let data = try #require(event["data"] as? [String: Any])
                #expect(event["type"] as? String == "support.survey.answered")
                #expect(surveys.insert(try #require(data["survey_id"] as? String)).inserted)
                let time = try #require(event["time"] as? String)
                #expect(time.hasPrefix("2017-05-") && time.hasSuffix("T19:00:00Z"))
                answers.append(
                    Answer(
                        kind: try #require(data["kind"] as? String), score: try #require(data["score"] as? Int),
                        day: try #require(Int(time.dropFirst(8).prefix(2))),
                        area: try #require(data["category"] as? String)))
            }
        }
        #expect(rows == 22)
        let nps = answers.filter { $0.kind == "nps" }
        #expect(nps.count == 2746)
        try check(nps, truth["NPS"])
        let days = try #require(truth["NPS_by_INTDATE"] as? [String: Any])
        for (day, expected) in days { try check(nps.filter { $0.day == Int(day) }, expected) }
        let areas = try #require(truth["NPS_by_BAREA"] as? [String: Any])
        for (area, expected) in areas { try check(nps.filter { $0.area == area }, expected) }

        let csat = answers.filter { $0.kind == "csat" }
        let expected = try #require(truth["CSAT_Q7ALL"] as? [String: Any])
        let distribution = Dictionary(grouping: csat, by: \.score).map { (String($0.key), $0.value.count) }
        #expect(csat.count == expected["rated"] as? Int)
        #expect(Dictionary(uniqueKeysWithValues: distribution) == expected["distribution"] as? [String: Int])
    }

    private func check(_ answers: [Answer], _ expected: Any?) throws {
        let expected = try #require(expected as? [String: Double])
        #expect(Double(answers.count) == expected["responses"])
        #expect(Double(answers.count { $0.score >= 9 }) == expected["promoters"])
        #expect(Double(answers.count { $0.score <= 6 }) == expected["detractors"])
    }
}
