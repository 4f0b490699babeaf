public import ArgumentParser
import FoundationEssentials
import Glibc
import Kafka
import Logging

/// `deskbeat-<service> audit`, of every service alike; `deskbeat audit` runs those of all services.
public struct AuditCommand<Service: AuditedService>: AsyncParsableCommand {
    public static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "audit",
            abstract: "Recompute what \(Service.service) has published, and print each difference.",
            discussion: """
                Reads the canonical topics and support.alerts; changes nothing. The rules are the newest published version; a file that is given must be the one that the service runs with.

                Example:
                  deskbeat-\(Service.service) audit --bootstrap-servers kafka:9092 --rules rules.yaml

                Exit status: 0 without differences, 1 with differences, 64 wrong settings, 70 no audit, 78 wrong rules file.
                """)
    }

    @Option(help: "Audit this KPI only; repeatable.")
    var kpi: [String] = []

    @Option(help: "Leave out windows that ended before this date or instant.")
    var since: AuditDate?

    @Option(help: "Seconds to wait for the service to have published what it has read.")
    var timeout = 60.0

    @Option(help: "text, or json: one object per line.")
    var format = AuditFormat.text

    @OptionGroup var options: ServiceOptions

    public init() {}

    public func validate() throws {
        guard timeout.isFinite, (0...1e7).contains(timeout) else {
            throw ValidationError("--timeout is a number of seconds.")
        }
    }

    public func run() async throws {
        let program = "deskbeat-\(Service.service)"
        do {
            let (service, environment, generation) = try await prepare()
            var audit = AuditOptions()
            audit.kpis = Set(kpi)
            audit.since = since?.micros ?? .min
            audit.timeout = .milliseconds(Int64(timeout * 1_000))
            let report = try await ServiceAudit(
                service, environment, audit, generation: generation, progress: AuditOutput.progress
            ).run()
            AuditOutput.progress("")
            AuditOutput.write(report, service: Service.service, format)
            if !report.differences.isEmpty { throw ServiceExit.failed }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            AuditOutput.progress("")
            ServiceExit.report(program, "\(error)")
            switch error {
            case is SettingsError: throw ServiceExit.usage
            case is RulesLoadError: throw ServiceExit.rules
            // Not 1: that there is no audit must not look like an audit with differences.
            default: throw ExitCode(70)
            }
        }
    }

    private func prepare() async throws -> (Service, ServiceEnvironment, generation: Int) {
        let settings = try ServiceSettings(
            options, service: Service.service, environment: ProcessInfo.processInfo.environment)
        var logger = Logger(label: Service.service) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = max(settings.logLevel, .critical)
        let topic = RulesTopic(internalPrefix: settings.internalPrefix, kafka: settings.kafka, logger: logger)
        let rules =
            if let path = settings.rulesPath {
                try Rules.load(path: path)
            } else {
                try await onThread("rules") { try topic.rules(.after(.seconds(60))) }
            }
        let generations = StateGenerations(
            internalPrefix: settings.internalPrefix, kafka: settings.kafka, logger: logger)
        let generation = try await onThread("generations") {
            try generations.read(.after(.seconds(60)))[settings.service] ?? 1
        }
        let environment = ServiceEnvironment(
            settings: settings, rules: rules, metrics: MetricsRegistry(), readiness: Readiness(),
            logger: logger)
        return (try Service(rules: rules, partitions: Int32(settings.partitions)), environment, generation)
    }
}

/// How differences are written.
public enum AuditFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text, json
}

/// A date, or an instant with its offset.
public struct AuditDate: ExpressibleByArgument, Sendable {
    let micros: Int64

    public init?(argument: String) {
        guard let micros = AuditInstant.micros(argument) ?? AuditInstant.micros(argument + "T00:00:00Z") else {
            return nil
        }
        self.micros = micros
    }
}

/// What an audit says, on standard output; how far it is, on a terminal's standard error.
enum AuditOutput {
    @Sendable static func progress(_ text: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        PlainFile.write("\r\u{1B}[K\(text)", to: STDERR_FILENO)
    }

    static func write(_ report: AuditReport, service: String, _ format: AuditFormat) {
        var text = ""
        switch format {
        case .text:
            for difference in report.differences {
                text += "\(difference.kind.rawValue): \(difference.key): \(difference.member): published "
                text += "\(difference.published), recomputed \(difference.recomputed)\n"
            }
            text += "\(service): \(report.events) events, \(report.contributions) contributions, "
            text += "\(report.alerts) alerts\n"
            for (reason, count) in skipped(report) { text += "left out: \(count) \(reason.rawValue)\n" }
            text += "\(report.values) values, \(report.differences.count) differences\n"
        case .json:
            for difference in report.differences { text += line(difference, service) + "\n" }
            text += summary(report, service) + "\n"
        }
        PlainFile.write(text, to: STDOUT_FILENO)
    }

    private static func skipped(_ report: AuditReport) -> [(AuditReport.Skipped, Int)] {
        AuditReport.Skipped.allCases.compactMap { reason in report.skipped[reason].map { (reason, $0) } }
    }

    private static func line(_ difference: AuditReport.Difference, _ service: String) -> String {
        var json = JSONText()
        json.object { json in
            json.member("service", service)
            json.member("difference", difference.kind.rawValue)
            json.member("key", difference.key)
            json.member("member", difference.member)
            json.member("published", difference.published)
            json.member("recomputed", difference.recomputed)
        }
        return json.string
    }

    private static func summary(_ report: AuditReport, _ service: String) -> String {
        var json = JSONText()
        json.object { json in
            json.member("service", service)
            json.member("values", Int64(report.values))
            json.member("differences", Int64(report.differences.count))
            json.member("events", Int64(report.events))
            json.member("contributions", Int64(report.contributions))
            json.member("alerts", Int64(report.alerts))
            json.object("left_out") { json in
                for (reason, count) in skipped(report) { json.member("\(reason)", Int64(count)) }
            }
        }
        return json.string
    }
}
