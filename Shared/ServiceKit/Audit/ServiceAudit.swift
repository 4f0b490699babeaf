import KPIs
import Kafka
import Logging
import Streams

/// What to audit.
package struct AuditOptions: Sendable {
    /// Ids of KPIs; none: all.
    package var kpis: Set<String> = []
    /// Windows that end later than this, microseconds since 1970.
    package var since = Int64.min
    /// How long to wait for the service to have published what it has read.
    package var timeout = Duration.seconds(60)

    package init() {}
}

/// Recomputes every published KPI of a service, and every fact about promises, from the canonical topics in one batch pass
/// that shares the entities' derivations with the service and nothing of its runtime: no state, no changelog, no
/// repartition, no incremental sums.
///
/// Reads only; memory is that of one partition's events and of every contribution once per cell (16 bytes).
package struct ServiceAudit: Sendable {
    private let service: String
    private let plan: AuditPlan
    private let stages: [StageDefinition]
    private let environment: ServiceEnvironment
    private let options: AuditOptions
    private let progress: @Sendable (String) -> Void

    /// - Parameter generation: of the service's state.
    package init(
        _ service: some AuditedService, _ environment: ServiceEnvironment, _ options: AuditOptions,
        generation: Int = 1, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.service = type(of: service).service
        plan = service.audit
        stages = service.stages(environment).map { $0.inGeneration(generation) }
        self.environment = environment
        self.options = options
        self.progress = progress
    }

    package func run() async throws -> AuditReport {
        let survey = AuditSurvey(
            stages: stages, topics: environment.topics, configuration: environment.settings.kafka,
            logger: environment.logger, timeout: options.timeout, emitInterval: plan.series.emitInterval)
        progress("waiting for \(service) to have published what it has read")
        let snapshot = try await survey.snapshot()
        if snapshot.isBehind {
            progress("\(service) has not caught up: what it has not processed is left out")
        }
        return try await AuditThread.run { try compare(snapshot) }
    }

    // MARK: The pass

    private func compare(_ snapshot: AuditSnapshot) throws -> AuditReport {
        let now = UTCTime.now()
        let reader = try PartitionReader(environment.settings.kafka, logger: environment.logger)
        defer { reader.close() }
        var report = AuditReport()
        let refused = try readDeadLetters(snapshot, reader)
        var pass = BatchPass(plan: plan, service: service, snapshot: snapshot, now: now)
        for entity in plan.entities {
            guard let definition = stages.first(where: { $0.name == entity.name }) else { continue }
            for partition in 0..<(snapshot.tasks[entity.name] ?? 0) {
                progress("recomputing \(service)/\(entity.name), partition \(partition)")
                try pass.add(entity, definition, partition: partition, refused: refused, reader, &report)
            }
        }
        if let published = plan.published {
            progress("taking the counts that \(service) takes from other services")
            try pass.add(published, reader, &report)
        }
        pass.finish()
        report.contributions = pass.table.count
        try compare(pass, snapshot, now, reader, &report)
        return report
    }

    private func compare(
        _ pass: BatchPass, _ snapshot: AuditSnapshot, _ now: Int64, _ reader: PartitionReader,
        _ report: inout AuditReport
    ) throws {
        let tasks = snapshot.tasks[plan.seriesStage] ?? 1
        let clocks = (0..<tasks).map { snapshot.clock(service, plan.seriesStage, $0, now) }
        let partitions = snapshot.alerts.keys.sorted()
        let hasRetired = try partitions.contains { try reader.firstOffset(of: $0) > 0 }
        var facts = pass.facts
        var comparison = KPIComparison(
            kpis: BatchKPIs(
                catalogue: plan.catalogue, zone: plan.zone, settings: plan.series, table: pass.table,
                external: plan.external.union(hasRetired ? plan.published?.measures.values.map { $0 } ?? [] : [])),
            clocks: clocks, newest: pass.newest, rulesSince: plan.rulesSince, options: options,
            hasRetired: hasRetired)
        var stream = AlertStream(source: plan.series.source)
        for partition in partitions {
            progress("comparing with \(partition)")
            stream.nextPartition()
            try reader.read(partition, upTo: snapshot.alerts[partition] ?? 0) { batch, record in
                if let fact = stream.take(batch, record, &report) { facts.take(fact) }
            }
            for (key, value) in stream.latest.sorted(by: { $0.key < $1.key }) {
                comparison.take(key, value, &report)
            }
        }
        report.alerts = stream.count
        progress("looking for what is missing")
        comparison.findMissing(&report)
        if options.kpis.isEmpty { facts.compare(&report) }
    }

    private func readDeadLetters(_ snapshot: AuditSnapshot, _ reader: PartitionReader) throws -> AuditRefusals {
        var refused = AuditRefusals()
        for (partition, end) in snapshot.deadLetters {
            try reader.read(partition, upTo: end) { batch, record in refused.take(batch, record, of: service) }
        }
        return refused
    }
}
