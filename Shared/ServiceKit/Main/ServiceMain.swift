import ArgumentParser
import FoundationEssentials
import Glibc
public import Hummingbird
import Kafka
import Logging
import Metrics
public import ServiceLifecycle
public import Streams

/// What makes one service differ from the others.
public struct ServiceDefinition: Sendable {
    /// Its stages under these rules, in the order in which they are started. Asked again for each version that comes into
    /// force, before the first task is made under it; only ``StageDefinition/makeTask`` may differ from version to version.
    public var stages: @Sendable (Rules) throws -> [StageDefinition]
    /// Adds its own HTTP routes.
    public var routes: @Sendable (Router<ServiceRequestContext>) -> Void
    /// What else runs beside the stages, stopped after HTTP and before the stages.
    public var parts: [any Service]

    public init(
        stages: @escaping @Sendable (Rules) throws -> [StageDefinition],
        routes: @escaping @Sendable (Router<ServiceRequestContext>) -> Void = { _ in },
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
    /// rules file is published when it differs from the newest version, and the versions are followed. 5. The stages create
    /// their topics and start. 6. On SIGTERM or SIGINT, HTTP, the service's parts and the stages end in this order.
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
            let file = try settings.rulesPath.map { path throws(RulesLoadError) in
                let text = try Rules.text(path: path)
                _ = try Rules.load(text, path: path)
                return RulesFollower.File(path: path, text: text)
            }
            ServiceLogging.bootstrap(
                format: settings.logFormat, level: settings.logLevel, environment: variables, sink: sink)
            let metrics = MetricsRegistry()
            MetricsSystem.bootstrap(metrics)
            let environment = ServiceEnvironment(
                settings: settings, metrics: metrics, readiness: Readiness(), logger: Logger(label: name))
            greet(environment)
            let definition = try define(environment)
            try await runtime(definition, environment, file).run()
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
                "rules": "\(settings.rulesPath ?? "as published")",
            ])
        if !settings.unknownVariables.isEmpty {
            environment.logger.warning(
                "these variables name no Kafka property and are ignored",
                metadata: ["variables": "\(settings.unknownVariables.joined(separator: " "))"])
        }
    }

    private static func runtime(
        _ definition: ServiceDefinition, _ environment: ServiceEnvironment, _ file: RulesFollower.File?
    ) -> ServiceRuntime {
        let bound = BoundAddress()
        let prepare: @Sendable () async throws -> [RunningStage] = {
            let settings = environment.settings
            let inForce = environment.rulesInForce
            let generations = StateGenerations(
                internalPrefix: settings.internalPrefix, kafka: settings.kafka, logger: environment.logger)
            try await TopicSetup.prepare(
                [inForce.topic, generations.topic], creation: settings.topicCreation, kafka: settings.kafka,
                logger: environment.logger)
            let follower = RulesFollower(
                topic: RulesTopic(
                    internalPrefix: settings.internalPrefix, kafka: settings.kafka, logger: environment.logger),
                kafka: settings.kafka, inForce: inForce, file: file, logger: environment.logger,
                version: Gauge(label: "deskbeat_rules_version", dimensions: [("service", settings.service)]),
                accept: { rules in
                    Dictionary(uniqueKeysWithValues: try definition.stages(rules).map { ($0.name, $0.makeTask) })
                })
            try await follower.start()
            let generation = try await onThread("generations") {
                try generations.read(.after(.seconds(60)))[settings.service] ?? 1
            }
            environment.generation.set(generation)
            if generation > 1 { environment.logger.info("state", metadata: ["generation": "\(generation)"]) }
            let port = await bound.get().port
            var started = [follower.stage(of: settings.service)]
            for stage in try definition.stages(inForce.rules).map(inForce.following) {
                let runtime = StageRuntime(
                    stage: environment.generation.stage(stage), kafka: settings.kafka, instance: settings.instance,
                    threads: settings.threads,
                    topicCreation: settings.topicCreation, httpPort: port, logger: environment.logger)
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
        return ServiceRuntime(
            environment: environment, routes: definition.routes, parts: definition.parts, prepare: prepare,
            onBound: { bound.set($0) })
    }
}
