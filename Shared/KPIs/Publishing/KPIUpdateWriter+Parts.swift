internal import BusinessTime

/// Members of KPI updates that are made of many figures.
extension KPIUpdateWriter {
    /// `age`: how old what a gauge counts is.
    mutating func writeAges(_ ages: AgeTable.Ages?) {
        guard let ages else { return text(",\"age\":null") }
        func seconds(_ micros: Int64) -> Double { Double(micros) / 1_000_000 }
        for (name, age) in [(",\"age\":{\"p50\":", ages.p50), (",\"p90\":", ages.p90), (",\"max\":", ages.largest)] {
            text(name)
            AlertWriter.append(seconds(age), to: &value)
        }
        text("}")
    }

    /// `cells` and `weeks`; of staffing also what it was computed with.
    mutating func writeProfile(_ figures: Figures, _ formula: KPIFormula) {
        guard case .profile(let cells, let weeks, let handleTime) = figures.parts else { return }
        text(",\"cells\":[")
        for (index, cell) in cells.enumerated() {
            if index > 0 { text(",") }
            AlertWriter.append(figure: cell, unit: .count, digits: 0, to: &value)
        }
        text("],\"weeks\":\(weeks)")
        guard case .staffing(let staffing) = formula else { return }
        text(",\"handle_time\":")
        AlertWriter.append(figure: handleTime, unit: .seconds, digits: 0, to: &value)
        text(",\"threshold\":")
        AlertWriter.append(staffing.settings.threshold, to: &value)
        text(",\"target\":")
        AlertWriter.append(staffing.settings.target, to: &value)
        text(",\"arrivals\":\"\(staffing.settings.arrivals == .mean ? "mean" : "p75")\"")
        if staffing.isScheduled {
            text(",\"shrinkage\":")
            AlertWriter.append(staffing.settings.shrinkage, to: &value)
        }
    }

    /// The team's figures, and `agents`, the best one first.
    mutating func writeRanking(_ figures: Figures, _ formula: RankingFormula) {
        guard case .ranking(let ranking, let months) = figures.parts else { return }
        text(",\"numerator\":\(ranking.positive),\"denominator\":\(ranking.all),\"interval\":")
        AlertWriter.append(interval: Wilson.interval(ranking.positive, of: ranking.all), to: &value)
        text(",\"by\":")
        AlertWriter.appendString(formula.by.utf8, to: &value)
        text(",\"months\":\(months),\"agents\":[")
        for (index, place) in ranking.places.enumerated() {
            text(index > 0 ? ",{\"agent_id\":" : "{\"agent_id\":")
            AlertWriter.appendString(place.agent.utf8, to: &value)
            text(",\"rank\":\(place.rank),\"rank_low\":\(place.rankLow),\"rank_high\":\(place.rankHigh)")
            text(",\"tied\":\(place.isTied),\"value\":")
            AlertWriter.append(place.value, to: &value)
            text(",\"interval\":")
            AlertWriter.append(interval: (place.low, place.high), to: &value)
            text(",\"observed\":\(place.positive),\"expected\":")
            AlertWriter.append(place.expected, to: &value)
            text(",\"count\":\(place.count),\"too_few\":\(place.count < settings.minimumSample)}")
        }
        text("]")
    }

    /// By index of the KPI, the benchmarks of a cell's series as a JSON array.
    static func benchmarks(
        _ settings: SeriesSettings, _ catalogue: KPICatalogue, _ dimensions: [(name: String, value: String)]
    ) -> [Int: [UInt8]] {
        var texts: [Int: [UInt8]] = [:]
        for (index, definition) in catalogue.definitions.enumerated() {
            for benchmark in settings.benchmarks
            where benchmark.kpi == definition.id && benchmark.matches(dimensions) {
                var json = texts[index].map { $0.dropLast() + [UInt8(ascii: ",")] } ?? [UInt8(ascii: "[")]
                json.append(contentsOf: "{\"label\":".utf8)
                AlertWriter.appendString(benchmark.label.utf8, to: &json)
                json.append(contentsOf: ",\"value\":".utf8)
                AlertWriter.append(
                    figure: benchmark.value, unit: definition.unit, digits: settings.currencyDigits, to: &json)
                json.append(contentsOf: ",\"source\":".utf8)
                AlertWriter.appendString(benchmark.source.utf8, to: &json)
                json.append(contentsOf: ",\"year\":\(benchmark.year)}]".utf8)
                texts[index] = json
            }
        }
        return texts
    }
}

extension Window {
    /// Appends the member `window` of an alert's data.
    ///
    /// - Parameter clock: Of gauges.
    func append(at clock: Micros, to output: inout [UInt8]) {
        output.append(contentsOf: "{\"kind\":\"\(kind.name)\"".utf8)
        if kind == .now {
            output.append(contentsOf: ",\"at\":\"".utf8)
            AlertWriter.appendInstant(clock, to: &output)
            output.append(contentsOf: "\"}".utf8)
            return
        }
        output.append(contentsOf: ",\"start\":\"".utf8)
        output.append(contentsOf: startText)
        output.append(contentsOf: "\",\"end\":\"".utf8)
        output.append(contentsOf: endText)
        output.append(UInt8(ascii: "\""))
        if kind.isCalendar { output.append(contentsOf: ",\"closed\":\(isClosed)".utf8) }
        output.append(UInt8(ascii: "}"))
    }
}
