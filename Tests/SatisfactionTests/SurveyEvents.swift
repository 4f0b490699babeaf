import Foundation
import TestSupport

/// An event of a survey or of feedback as a helpdesk would send it: a CloudEvent in structured JSON.
struct SurveyEvent {
    var id: String
    /// Behind `support.`.
    var type: String
    /// Microseconds after ``epoch``.
    var at: Int64
    var sequence: Int?
    /// Member names with their JSON, the entity's id among them.
    var data: [(String, String)]
    var key: String

    /// - Parameters:
    ///   - data: Members beside `survey_id`, as JSON.
    init(survey: String, _ id: String, _ type: String, at: Int64, sequence: Int? = nil, _ data: [(String, String)] = [])
    {
        self.id = id
        self.type = type
        self.at = at
        self.sequence = sequence
        self.data = [("survey_id", "\"\(survey)\"")] + data
        key = survey
    }

    init(
        feedback: String, _ id: String, _ type: String = "feedback.received", at: Int64, _ data: [(String, String)] = []
    ) {
        self.init(survey: feedback, id, type, at: at, data)
        self.data[0].0 = "feedback_id"
    }

    static func sent(_ survey: String, _ kind: String, at: Int64, _ data: [(String, String)] = []) -> SurveyEvent {
        SurveyEvent(survey: survey, "\(survey)-sent", "survey.sent", at: at, [("kind", "\"\(kind)\"")] + data)
    }

    static func answered(
        _ survey: String, _ kind: String, _ score: String, at: Int64, id: String = "answer", sequence: Int? = nil,
        _ data: [(String, String)] = []
    ) -> SurveyEvent {
        SurveyEvent(
            survey: survey, "\(survey)-\(id)", "survey.answered", at: at, sequence: sequence,
            [("kind", "\"\(kind)\""), ("score", score)] + data)
    }

    static let source = "https://acme.example/surveys"

    static func voids(_ id: String) -> [(String, String)] { [("voids", "{\"source\":\"\(source)\",\"id\":\"\(id)\"}")] }

    /// 2026-01-05T00:00:00Z, a Monday, in seconds since 1970.
    static let epoch: Int64 = 1_767_571_200
    static let second: Int64 = 1_000_000
    static let hour: Int64 = 3600 * second
    static let day: Int64 = 24 * hour

    static func time(_ micros: Int64) -> String {
        let seconds = epoch + Int64((Double(micros) / 1e6).rounded(.down))
        let fraction = micros - (seconds - epoch) * second
        let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        return text.dropLast() + "." + String(format: "%06lld", fraction) + "Z"
    }

    var json: [UInt8] {
        let members = data.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
        let sequence = sequence.map { ",\"sequence\":\"\($0)\"" } ?? ""
        return Array(
            """
            {"specversion":"1.0","id":"\(id)","source":"\(Self.source)","type":"support.\(type)",\
            "time":"\(Self.time(at))"\(sequence),"data":{\(members)}}
            """.utf8)
    }
}

extension SeededGenerator {
    mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &self)] }
}
