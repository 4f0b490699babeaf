import ArgumentParser
import Foundation
public import Hummingbird
import Kafka
import Logging
import Metrics
public import ServiceLifecycle
public import Streams

/// What makes one service differ from the others.
public struct ServiceDefinition: Sendable {
    /// Its stages; they are started in this order.
    public var stages: [StageDefinition]
    /// Adds its own HTTP routes.
    public var routes: @Sendable (Router<ServiceRequestContext>) -> Void
    /// What else runs beside the stages, stopped after HTTP and before the stages.
    public var parts: [any Service]

    public init(
        stages: [StageDefinition], routes: @escaping @Sendable (Router<ServiceRequestContext>) -> Void = { _ in },
        parts: [any Service] = []
    ) {
        self.stages = stages
        self.routes = routes
        self.parts = parts
    }
}

/// The main program that all services share.
public enum ServiceMain {
    /// Runs a service until it is asked to stop.
    ///
    /// 1. Settings and rules are read and checked. 2. Logging and metrics begin. 3. HTTP is bound and announced. 4. The
    /// stages create their topics and start. 5. On SIGTERM or SIGINT, HTTP, the service's parts and the stages end in this order.
    ///
    /// - Parameters:
    ///   - name: The service's name, `ingest`; the program is called `deskbeat-ingest`.
    ///   - defaultHTTP: Where HTTP listens when nothing is said.
    ///   - define: Makes the service; called once, when settings, logging and metrics are there.
    /// - Throws: ``ServiceExit`` as an exit code, after the reason has been told on standard error.
    public static func run(
        _ name: String, _ options: ServiceOptions, defaultHTTP: HTTPAddress = HTTPAddress(host: "127.0.0.1", port: 0),
        define: @Sendable (ServiceEnvironment) throws -> ServiceDefinition
    ) async throws {
        // A log reader or a client that has gone is no reason to die.
        signal(SIGPIPE, SIG_IGN)
        let program = "deskbeat-\(name)"
        let variables = ProcessInfo.processInfo.environment
        let sink = LogSink()
        do {
            let settings = try ServiceSettings(
                options, service: name, defaultHTTP: defaultHTTP, environment: variables)
            let rules = try settings.rulesPath.map { path throws(RulesLoadError) in try Rules.load(path: path) }
            ServiceLogging.bootstrap(
                format: settings.logFormat, level: settings.logLevel, environment: variables, sink: sink)
            let metrics = MetricsRegistry()
            MetricsSystem.bootstrap(metrics)
            let environment = ServiceEnvironment(
                settings: settings, rules: rules ?? .default, metrics: metrics, readiness: Readiness(),
                logger: Logger(label: name))
            greet(environment)
            let definition = try define(environment)
            try await runtime(definition, environment).run()
            environment.logger.info("stopped")
            sink.flush()
        } catch {
            sink.flush()
            ServiceExit.report(program, "\(error)")
            throw exit(for: error)
        }
    }

    private static func exit(for error: any Error) -> ExitCode {
        switch error {
        case is SettingsError: ServiceExit.usage
        case is RulesLoadError: ServiceExit.rules
        default: ServiceExit.failed
        }
    }

    private static func greet(_ environment: ServiceEnvironment) {
        let settings = environment.settings
        environment.logger.info(
            "starting",
            metadata: [
                "instance": "\(settings.instance)", "brokers": "\(settings.kafka.bootstrapServers)",
                "rules": "\(settings.rulesPath ?? "built-in")", "timezone": "\(environment.rules.timezone)",
            ])
        if !settings.unknownVariables.isEmpty {
            environment.logger.warning(
                "these variables name no Kafka property and are ignored",
                metadata: ["variables": "\(settings.unknownVariables.joined(separator: " "))"])
        }
    }

    private static func runtime(_ definition: ServiceDefinition, _ environment: ServiceEnvironment) -> ServiceRuntime {
        ServiceRuntime(environment: environment, routes: definition.routes, parts: definition.parts) {
            let settings = environment.settings
            var started: [RunningStage] = []
            for stage in definition.stages {
                let runtime = StageRuntime(
                    stage: stage, kafka: settings.kafka, instance: settings.instance, threads: settings.threads,
                    topicCreation: settings.topicCreation, logger: environment.logger)
                do {
                    try await runtime.start()
                } catch {
                    for stage in started { stage.stop() }
                    throw error
                }
                started.append(RunningStage(runtime, logger: environment.logger))
            }
            return started
        }
    }
}
