import FoundationEssentials

/// The part of a KPI update that a table shows.
package struct KPIUpdate: Decodable, Sendable {
    package struct Window: Decodable, Sendable {
        var kind: String
        var start: String?
        var end: String?
        var at: String?
        var closed: Bool?
    }

    package struct Goal: Decodable, Sendable {
        var target: Double?
        var comparison: String?
        var statistic: String?
        var met: Bool?
    }

    package struct Interval: Decodable, Sendable {
        var low: Double?
        var high: Double?
    }

    package var unit: String?
    package var window: Window
    package var value: Figure?
    package var currency: String?
    package var count: Double?
    package var numerator: Figure?
    package var denominator: Figure?
    package var quantiles: [String: Double?]?
    package var interval: Interval?
    package var goal: Goal?
    package var smallSample: Bool?
    package var settled: Bool?
    package var flags: [String]?

    /// A number, or money as a decimal string.
    package enum Figure: Decodable, Sendable, Equatable {
        case number(Double)
        case text(String)

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private struct Envelope: Decodable {
        var data: KPIUpdate
    }

    /// Nil when the bytes are no KPI update.
    package init?(_ value: [UInt8]) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let envelope = try? decoder.decode(Envelope.self, from: Data(value)) else { return nil }
        self = envelope.data
    }

    /// The value with its unit, as people read it; a dash when there is none.
    package var valueText: String {
        switch value {
        case nil: "–"
        case .text(let text): currency.map { "\(text) \($0)" } ?? text
        case .number(let number): text(number)
        }
    }

    func text(_ number: Double) -> String {
        switch unit {
        case "seconds": Humanise.duration(seconds: number)
        case "proportion": Humanise.percent(number)
        case "ratio": Humanise.decimal(number, 3)
        default: Humanise.decimal(number, 2)
        }
    }

    /// How many it rests on: the count, or the denominator of a proportion.
    var sizeText: String {
        if let count { return Humanise.decimal(count, 0) }
        if unit == "proportion", case .number(let number) = denominator { return Humanise.decimal(number, 0) }
        return ""
    }

    func quantileText(_ name: String) -> String {
        guard let quantile = quantiles?[name] ?? nil else { return "" }
        return text(quantile)
    }

    var goalText: (text: String, isMet: Bool?) {
        guard let goal, let target = goal.target else { return ("", nil) }
        let statistic = goal.statistic.map { $0 == "mean" ? "" : $0 + " " } ?? ""
        return ("\(statistic)\(goal.comparison ?? "") \(text(target))", goal.met)
    }

    var noteText: String {
        var notes: [String] = []
        if let low = interval?.low, let high = interval?.high { notes.append("\(text(low)) to \(text(high))") }
        if smallSample == true { notes.append("small sample") }
        if settled == false { notes.append("not settled") }
        return (notes + (flags ?? [])).joined(separator: ", ")
    }
}
