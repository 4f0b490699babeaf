import ArgumentParser
import FoundationEssentials
import Kafka
import ServiceKit

/// `deskbeat audit`.
struct SuiteAuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Recompute every published KPI from the canonical topics, and print each difference.",
        discussion: """
            One batch pass per service, by the service's own program: it shares the definitions of the KPIs with the running \
            service, and nothing of its machinery. Reads only, so that it can be run in production; what events of just now touch is \
            left out. Exit status 0 without differences, 1 with; the last line is "N values, K differences".

            Examples:
              deskbeat wait-idle && deskbeat audit
              deskbeat audit --service ticketing --kpi first_response_time --since 2026-11-01 --format json
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(help: "Audit this service only; repeatable.")
    var service: [String] = []

    @Option(help: "Audit this KPI only; repeatable.")
    var kpi: [String] = []

    @Option(help: "Leave out windows that ended before this date or instant.")
    var since: String?

    @Option(help: "Seconds to wait for a service to have published what it has read.")
    var timeout = 60.0

    @Option(help: "table, or json: one object per difference, and one per service.")
    var format = Format.table

    @Option(
        help: "The rules file that the services run with. Environment: DESKBEAT_RULES; default: the newest version.")
    var rules: String?

    @OptionGroup var cluster: ClusterOptions

    private static let services = LocalService.all.filter { $0.name != "ingest" }

    func validate() throws {
        let names = Self.services.map(\.name)
        for name in service where !names.contains(name) {
            throw ValidationError("--service is one of \(names.joined(separator: ", ")).")
        }
        guard timeout.isFinite, (0...1e7).contains(timeout) else {
            throw ValidationError("--timeout is a number of seconds.")
        }
    }

    func run() async throws {
        let folder = parentDirectory(try LocalService.ownExecutable())
        let arguments = try arguments()
        var results: [ServiceAuditResult] = []
        for (name, executable) in Self.services where service.isEmpty || service.contains(name) {
            let path = folder + "/" + executable
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw InputError(
                    "\(path) is missing; the services stand beside the program deskbeat. A container audits its own service: "
                        + "docker compose exec \(name) deskbeat audit")
            }
            let result = try await BlockingWork("audit").run { try ServiceAuditResult(name, path, arguments) }
            if format == .json { Console.output.write(result.output) }
            results.append(result)
        }
        let differences = results.flatMap(\.differences)
        let values = results.reduce(0) { $0 + $1.values }
        let verdict = "\(values) values, \(differences.count) differences"
        switch format {
        case .json:
            Console.output.line(#"{"values":\#(values),"differences":\#(differences.count)}"#)
            Console.error.line(verdict)
        case .table:
            if !differences.isEmpty { Self.table(differences).print(to: .output) }
            if differences.count > Self.rows {
                Console.output.line("… and \(differences.count - Self.rows) more; --format json shows all")
            }
            Self.table(results).print(to: .output)
            Console.output.line(verdict)
        }
        if !differences.isEmpty { throw ExitCode.failure }
    }

    private func arguments() throws -> [String] {
        var arguments = [
            "audit", "--format", "json", "--timeout", String(timeout), "--bootstrap-servers",
            try cluster.configuration().bootstrapServers, "--topic-prefix", cluster.topics.prefix,
            "--internal-prefix", cluster.internalNames,
        ]
        for id in kpi { arguments += ["--kpi", id] }
        if let since { arguments += ["--since", since] }
        if let rules { arguments += ["--rules", rules] }
        return arguments
    }

    // MARK: Tables

    private static let rows = 200

    private static func table(_ differences: [ServiceAuditResult.Difference]) -> Table {
        var table = Table([
            .init("SERVICE"), .init("DIFFERENCE"), .init("KEY"), .init("MEMBER"), .init("PUBLISHED"),
            .init("RECOMPUTED"),
        ])
        for difference in differences.prefix(rows) {
            table.add([
                .init(difference.service), .init(difference.difference, .red), .init(difference.key),
                .init(difference.member), .init(difference.published), .init(difference.recomputed),
            ])
        }
        return table
    }

    private static func table(_ results: [ServiceAuditResult]) -> Table {
        var table = Table([
            .init("SERVICE"), .init("EVENTS", .right), .init("ALERTS", .right), .init("VALUES", .right),
            .init("DIFFERENCES", .right), .init("LEFT OUT"),
        ])
        for result in results {
            let leftOut = result.leftOut.sorted { $0.key < $1.key }.map { "\(Humanise.count($0.value)) \($0.key)" }
            table.add([
                .init(result.service), .init(Humanise.count(result.events)), .init(Humanise.count(result.alerts)),
                .init(Humanise.count(result.values)),
                .init(Humanise.count(result.differences.count), result.differences.isEmpty ? .green : .red),
                .init(leftOut.joined(separator: ", "), .dim),
            ])
        }
        return table
    }
}
