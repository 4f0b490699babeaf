import ArgumentParser
import FoundationEssentials
import Kafka
import ServiceKit

/// `deskbeat kpis`.
struct KPIsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kpis",
        abstract: "Show the latest KPI updates.",
        discussion: """
            Reads support.alerts from its beginning, as any consumer can, and keeps the latest update of every key. JSON gives \
            each of them as it stands on the topic, one a line. The table shows the overall figures of the newest window of each \
            kind; --cell shows parts.

            Examples:
              deskbeat kpis
              deskbeat kpis --kpi first_response_time --window day --last 7
              deskbeat kpis --cell channel=email --cell priority=urgent
              deskbeat kpis --format json | jq -c '[.subject, .data.value]'
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(help: "table or json.")
    var format = Format.table

    @Option(name: .customLong("kpi"), help: "Only this KPI; may be repeated.")
    var kpis: [String] = []

    @Option(name: .customLong("window"), help: "Only this kind of window; may be repeated.")
    var windows: [String] = []

    @Option(name: .customLong("cell"), help: "Only series with this dimension=value; may be repeated, all must hold.")
    var cells: [CellOption] = []

    @Option(help: "Windows of each series in the table, newest first.")
    var last = 1

    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        for window in windows where !KPIKey.windows.contains(window) {
            throw ValidationError("--window is one of \(KPIKey.windows.joined(separator: ", ")).")
        }
        guard last > 0 else { throw ValidationError("--last is at least 1.") }
    }

    func run() async throws {
        let filter = KPIFilter(kpis: kpis, windows: windows, cell: cells.map { ($0.dimension, $0.value) })
        let showsCells = format == .json || !cells.isEmpty
        let latest = try await AlertTopic.read(cluster) { reader in
            var latest: [String: [UInt8]] = [:]
            var broadest = BroadestSeries()
            try reader.readToEnd { batch, index in
                guard let bytes = batch.key(index) else { return }
                let text = String(decoding: bytes, as: UTF8.self)
                guard let key = KPIKey(text), filter.accepts(key), showsCells || broadest.admits(key) else { return }
                latest[text] = batch.value(index)
            }
            return showsCells ? latest : latest.filter { KPIKey($0.key).map(broadest.contains) ?? false }
        }
        switch format {
        case .json:
            for (_, value) in latest.sorted(by: { $0.key < $1.key }) {
                Console.output.write(value + [UInt8(ascii: "\n")])
            }
        case .table:
            let rows = KPITable.rows(latest, last: last)
            guard !rows.isEmpty else {
                throw InputError("no KPI update of this kind is on \(cluster.topics.alerts) yet")
            }
            KPITable.table(rows).print(to: .output)
        }
    }
}

/// `dimension=value`.
struct CellOption: ExpressibleByArgument {
    var dimension: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        dimension = String(parts[0])
        value = String(parts[1])
    }
}

/// The KPI updates as people read them.
package enum KPITable {
    package struct Row {
        package var key: KPIKey
        package var update: KPIUpdate
    }

    /// The newest windows of each series, in the order of KPI, cell, window and time.
    package static func rows(_ latest: [String: [UInt8]], last: Int) -> [Row] {
        var series: [String: [Row]] = [:]
        for (text, value) in latest {
            guard let key = KPIKey(text), let update = KPIUpdate(value) else { continue }
            series["\(key.kpi)/\(key.window);\(key.cellText)", default: []].append(Row(key: key, update: update))
        }
        let newest = series.values.flatMap { rows in rows.sorted { start($0) > start($1) }.prefix(last) }
        let order = Dictionary(uniqueKeysWithValues: KPIKey.windows.enumerated().map { ($1, $0) })
        return newest.sorted { left, right in
            (left.key.kpi, left.key.cellText, order[left.key.window] ?? 0, start(right))
                < (right.key.kpi, right.key.cellText, order[right.key.window] ?? 0, start(left))
        }
    }

    /// The window's start as an instant, so that the hour which a clock shows twice sorts rightly.
    private static func start(_ row: Row) -> Int64 {
        guard let text = row.update.window.start ?? row.update.window.at, let iso = try? TimePattern("iso"),
            let reading = iso.parse(Array(text.utf8)[...])
        else { return 0 }
        return reading.micros - Int64(reading.offset ?? 0) * 1_000_000
    }

    package static func table(_ rows: [Row]) -> Table {
        let hasCells = rows.contains { !$0.key.cell.isEmpty }
        let hasQuantiles = rows.contains { $0.update.quantiles != nil }
        let hasGoals = rows.contains { $0.update.goal != nil }
        var columns: [Table.Column] = [.init("KPI")]
        if hasCells { columns.append(.init("CELL")) }
        columns += [.init("WINDOW"), .init("START"), .init("VALUE", .right), .init("N", .right)]
        if hasQuantiles { columns += [.init("P50", .right), .init("P90", .right)] }
        if hasGoals { columns.append(.init("GOAL")) }
        columns.append(.init("NOTE"))
        var table = Table(columns)
        for row in rows {
            let (key, update) = (row.key, row.update)
            var cells: [Table.Cell] = [.init(key.kpi, .bold)]
            if hasCells { cells.append(.init(key.cellText)) }
            let (goal, isMet) = update.goalText
            let style: Console.Style? = isMet.map { $0 ? .green : .red }
            cells += [
                .init(key.window), .init(key.bucket ?? (key.window == "now" ? "" : "rolling"), .dim),
                .init(update.valueText, style), .init(update.sizeText),
            ]
            if hasQuantiles { cells += [.init(update.quantileText("p50")), .init(update.quantileText("p90"))] }
            if hasGoals { cells.append(.init(goal, style)) }
            cells.append(.init(update.noteText, .dim))
            table.add(cells)
        }
        return table
    }
}
