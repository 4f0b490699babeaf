import Foundation
import ServiceKit
import TestSupport
import Testing

/// Every figure of random surveys, computed a second time from the definitions, event by event and without buckets.
@Suite struct ReferenceTests {
    private struct Answer {
        var at: Int64
        var score: Double
        var scale: (Double, Double)
        var isLow: Bool
        var threshold: Double?

        var mirrored: Double { isLow ? scale.0 + scale.1 - score : score }
    }

    /// One survey as its author meant it: everything in the order of its time, which is distinct.
    private struct Life {
        var id: String
        var kind: String
        var teams: [(at: Int64, team: String)] = []
        var sentAt: Int64?
        var answers: [Answer] = []
        var events: [SurveyEvent] = []

        var team: String? { teams.max { $0.at < $1.at }?.team }
    }

    private static let thresholds: [String: Double] = [
        "1.0-5.0": 4, "1.0-7.0": 6, "1.0-10.0": 8, "0.0-10.0": 8, "1.0-3.0": 3, "0.0-1.0": 1, "1.0-6.0": 5,
    ]

    private func life(_ id: String, _ random: inout SeededGenerator) -> Life {
        var life = Life(id: id, kind: random.pick(["csat", "nps", "ces", "agent_csat"]))
        var at = Int64.random(in: 0..<40 * 86_400, using: &random) * SurveyEvent.second
        func labels(_ life: inout Life, counts: Bool) -> [(String, String)] {
            guard Bool.random(using: &random) else { return [] }
            let team = random.pick(["a", "b"])
            if counts { life.teams.append((at, team)) }
            return [("team", "\"\(team.uppercased())\"")]
        }
        if Int.random(in: 0..<3, using: &random) > 0 {
            life.sentAt = at
            let data = labels(&life, counts: true)
            life.events.append(.sent(id, life.kind, at: at, data))
        }
        for number in 0..<Int.random(in: 0...2, using: &random) {
            at += random.pick([-7, 1, 3_600, 14 * 86_400, 14 * 86_400 + 1]) * SurveyEvent.second + Int64(number)
            let isVoided = Int.random(in: 0..<5, using: &random) == 0
            var data = labels(&life, counts: !isVoided)
            var scale = ["csat": (1.0, 5.0), "agent_csat": (1, 5), "nps": (0, 10), "ces": (1, 7)][life.kind] ?? (0, 0)
            if life.kind != "nps", Bool.random(using: &random) {
                scale = random.pick([(1.0, 7.0), (0, 10), (1, 3), (1, 6), (0, 1)])
                data.append(("scale", "[\(scale.0),\(scale.1)]"))
            }
            let isLow = Bool.random(using: &random)
            if isLow { data.append(("direction", "\"low_is_good\"")) }
            // Quarters, so that the reference's own arithmetic is exact.
            let score = (Double.random(in: scale.0...scale.1, using: &random) * 4).rounded() / 4
            var threshold: Double?
            if Int.random(in: 0..<4, using: &random) == 0 {
                threshold = scale.1 - 0.5
                data.append(("satisfied_from", "\(scale.1 - 0.5)"))
            }
            life.events.append(.answered(id, life.kind, "\(score)", at: at, id: "\(number)", data))
            if isVoided {
                life.events.append(
                    SurveyEvent(
                        survey: id, "\(id)-v\(number)", "event.voided", at: at, SurveyEvent.voids("\(id)-\(number)")))
            } else {
                life.answers.append(
                    Answer(at: at, score: score, scale: scale, isLow: isLow, threshold: threshold))
            }
        }
        life.answers.sort { $0.at < $1.at }
        return life
    }

    /// Sums of one series: what it counts, and its value.
    private struct Terms {
        var count = 0.0
        var sum = 0.0
        var beside: [String: Double] = [:]
    }

    private var expected: [String: Terms] = [:]

    private mutating func add(
        _ kpi: String, _ at: Int64, _ team: String?, dimensions: [String] = [], _ change: (inout Terms) -> Void
    ) {
        let day = SurveyEvent.time(at).prefix(10)
        for window in ["day@\(day)", "month@\(day.prefix(7))", "year@\(day.prefix(4))"] {
            let parts = window.split(separator: "@")
            for cell in team == nil ? [dimensions] : [dimensions, dimensions + ["team=\(team ?? "")"]] {
                let key = (["\(kpi)/\(parts[0])"] + cell.sorted()).joined(separator: ";") + "@\(parts[1])"
                change(&expected[key, default: Terms()])
            }
        }
    }

    private static func name(_ scale: (Double, Double)) -> String { "scale=\(Int(scale.0))-\(Int(scale.1))" }

    private mutating func judge(_ life: Life, now: Int64) {
        guard life.sentAt != nil || !life.answers.isEmpty else { return }
        let kind = ["kind=\(life.kind)"]
        if let sent = life.sentAt {
            let window = 14 * SurveyEvent.day
            let isAnswered = life.answers.contains { $0.at <= sent + window }
            add("survey_response_rate", sent, life.team, dimensions: kind) { terms in
                if sent + window > now {
                    terms.beside["pending", default: 0] += 1
                } else {
                    terms.count += 1
                    terms.sum += isAnswered ? 1 : 0
                }
            }
        }
        guard let answer = life.answers.last else { return }
        if life.sentAt == nil {
            add("survey_response_rate", answer.at, life.team, dimensions: kind) {
                $0.beside["unsolicited", default: 0] += 1
            }
        }
        let threshold = answer.threshold ?? Self.thresholds["\(answer.scale.0)-\(answer.scale.1)"] ?? .nan
        switch life.kind {
        case "csat", "agent_csat":
            add(life.kind, answer.at, life.team) { terms in
                terms.count += 1
                terms.sum += answer.mirrored >= threshold ? 1 : 0
            }
            if life.kind == "csat" {
                add("csat_mean", answer.at, life.team, dimensions: [Self.name(answer.scale)]) { terms in
                    terms.count += 1
                    terms.sum += answer.mirrored
                }
            }
        case "nps":
            let group = answer.mirrored >= 9 ? "promoters" : answer.mirrored <= 6 ? "detractors" : "passives"
            add("nps", answer.at, life.team) { terms in
                terms.count += 1
                terms.beside[group, default: 0] += 1
                terms.sum += group == "promoters" ? 100 : group == "detractors" ? -100 : 0
            }
        default:
            let ease = 100 * (answer.mirrored - answer.scale.0) / (answer.scale.1 - answer.scale.0)
            add("ces", answer.at, life.team) { terms in
                terms.count += 1
                terms.sum += (ease * 1_000_000).rounded(.toNearestOrEven) / 1_000_000
            }
            let direction = "direction=\(answer.isLow ? "low" : "high")_is_good"
            add("ces_mean", answer.at, life.team, dimensions: [Self.name(answer.scale), direction]) { terms in
                terms.count += 1
                terms.sum += answer.score
            }
        }
    }

    @Test(arguments: 0..<10) mutating func everyFigureIsTheOneOfTheDefinitions(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let now = 45 * SurveyEvent.day
        let lives = (0..<150).map { life("S-\($0)", &random) }
        for life in lives { judge(life, now: now) }
        let rules = try Rules(parsing: "history: 100y\nbreakdowns: [team]\nsatisfied_from: {1-6: 5}\nagents: off\n")
        let pipeline = try Pipeline(rules, now: SurveyEvent.epoch * 1_000_000 + now)
        for event in lives.flatMap(\.events).shuffled(using: &random) { pipeline.send(event) }
        try pipeline.drain()
        #expect(pipeline.dead.isEmpty)
        #expect(expected.count > 200)
        for (key, terms) in expected {
            let comment = Comment(rawValue: "seed \(seed): \(key)")
            let data = try #require(pipeline.data(key), comment)
            func number(_ name: String) -> Double { (data[name] as? NSNumber)?.doubleValue ?? 0 }
            #expect(number("count") == terms.count, comment)
            let value = (data["value"] as? NSNumber)?.doubleValue
            if terms.count == 0 {
                #expect(value == nil, comment)
            } else {
                #expect(abs(try #require(value, comment) - terms.sum / terms.count) < 1e-9, comment)
            }
            for name in ["pending", "unsolicited", "promoters", "passives", "detractors"] {
                #expect(number(name) == terms.beside[name] ?? 0, comment)
            }
        }
        // And nothing else has been counted.
        let windows = ["/day", "/month", "/year"]
        for key in pipeline.figures.keys where windows.contains(where: { key.contains($0) }) {
            // Rankings are made of what is judged here by agent.
            if key.hasPrefix("agent_ranking/") { continue }
            #expect(expected[key] != nil, "seed \(seed): \(key) should not be")
        }
    }
}
