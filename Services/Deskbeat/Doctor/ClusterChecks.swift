import FoundationEssentials
import Kafka
import ServiceKit
import Streams

/// Checks against the broker.
struct ClusterChecks {
    let cluster: ClusterOptions
    let configuration: KafkaConfiguration

    func run() async throws -> [Finding] {
        let complaint = LastComplaint()
        let admin = try KafkaAdmin(configuration: configuration, logger: complaint.logger)
        var findings: [Finding] = []
        do {
            let brokers = try await admin.brokers(.after(.seconds(8)))
            let names = brokers.map { "\($0.host):\($0.port)" }.sorted().joined(separator: ", ")
            findings.append(Finding("broker", .ok, "\(configuration.bootstrapServers) answers; brokers: \(names)"))
        } catch {
            findings.append(
                Finding(
                    "broker", .fail, complaint.text ?? error.reason,
                    advice: error.advice ?? "check KAFKA_BOOTSTRAP_SERVERS"))
            return findings
        }
        findings += try await topics(admin)
        findings += await backlog(admin)
        findings += await roundTrip(admin)
        try? await admin.close(.after(.seconds(3)))
        return findings
    }

    private func topics(_ admin: KafkaAdmin) async throws -> [Finding] {
        let deadline = Deadline.after(.seconds(15))
        let specs = StageEntry.topicSpecs(
            topics: cluster.topics, internalPrefix: cluster.internalNames, partitions: cluster.partitions(nil))
        let existing = try await admin.topics(deadline)
        let missing = specs.map(\.name).filter { existing[$0] == nil }
        let present = specs.filter { existing[$0.name] != nil }
        let settings = try await admin.describeTopicConfigs(present.map(\.name), deadline)
        var findings: [Finding] = []
        for spec in present {
            guard let topic = existing[spec.name], let fault = TopicFault.of(spec, topic, settings[spec.name] ?? [:])
            else { continue }
            findings.append(
                Finding(
                    "topic", .fail, "\(spec.name): \(fault)",
                    advice: "correct the topic's settings; the services refuse it as it is"))
        }
        // Stages of one service take each other's partitions for granted.
        let counts = Set(present.filter { $0.partitions > 1 }.compactMap { existing[$0.name]?.partitions.count })
        if counts.count > 1 {
            findings.append(
                Finding(
                    "topics", .warn,
                    "numbers of partitions differ: \(counts.sorted().map(String.init).joined(separator: ", "))"))
        }
        if !missing.isEmpty {
            findings.append(
                Finding(
                    "topics", .warn,
                    "\(missing.count) do not exist yet: \(missing.prefix(4).joined(separator: ", "))"
                        + (missing.count > 4 ? " …" : ""),
                    advice: "the services create them when they start, or: deskbeat topics --create"))
        }
        if findings.isEmpty { findings.append(Finding("topics", .ok, "\(present.count) with the right settings")) }
        guard !present.isEmpty else { return findings }
        let copies = present.compactMap { spec in
            let minimum = settings[spec.name]?["min.insync.replicas"]?.value.flatMap { Int($0) } ?? 1
            return existing[spec.name].flatMap { ReplicationCheck.Copies($0, minimum: minimum) }
        }
        return findings + ReplicationCheck.findings(copies, brokers: try await admin.brokers(deadline).count)
    }

    /// What the stages have not read, and what they could not take.
    private func backlog(_ admin: KafkaAdmin) async -> [Finding] {
        let deadline = Deadline.after(.seconds(20))
        do {
            let existing = try await admin.topics(deadline)
            func places(_ topic: String) -> [TopicPartition] {
                existing[topic]?.partitions.map { TopicPartition(topic: topic, partition: $0.id) } ?? []
            }
            func ends(_ places: [TopicPartition], _ query: OffsetQuery) async throws -> [TopicPartition: Int64] {
                try await admin.listOffsets(Dictionary(uniqueKeysWithValues: places.map { ($0, query) }), deadline)
            }
            var lags: [IdleLag] = []
            let rules = try await PublishedRules(cluster).newest()?.version ?? 0
            for stage in try await StageEntry.running(cluster) {
                let inputs = stage.inputs.flatMap(places)
                let marks = try await ends(inputs, .latest)
                lags += IdleWalk.lags(
                    of: stage, marks, rules: rules, committed: try await committed(admin, stage.group, inputs, deadline)
                )
            }
            let topic = cluster.topics.deadLetters
            let (first, last) = (try await ends(places(topic), .earliest), try await ends(places(topic), .latest))
            let dayAgo = OffsetQuery.atTime(Int64((Date().timeIntervalSince1970 - 86_400) * 1_000))
            let recent = try await ends(places(topic), dayAgo)
            return BacklogCheck.findings(lags) + [RulesCheck.finding(lags, newest: rules)] + [
                DeadLetterCheck.finding(
                    kept: last.reduce(0) { $0 + $1.value - (first[$1.key] ?? 0) },
                    recent: last.reduce(0) { $0 + $1.value - (recent[$1.key] ?? $1.value) },
                    topic: topic)
            ]
        } catch {
            return [Finding("lag", .fail, "\(error)", advice: "the positions of the stages cannot be read")]
        }
    }

    private func committed(
        _ admin: KafkaAdmin, _ group: String, _ partitions: [TopicPartition], _ deadline: Deadline
    ) async throws -> [TopicPartition: (offset: Int64, metadata: String)] {
        do {
            return try await admin.groupOffsets(group, partitions: partitions, deadline)
                .mapValues { ($0.offset, $0.metadata) }
        } catch {
            guard error.code == .unknownGroup else { throw error }
            return [:]
        }
    }

    /// Writes a record to a topic of its own and reads it back: shows that producing and consuming work, and what the
    /// broker's clock says.
    private func roundTrip(_ admin: KafkaAdmin) async -> [Finding] {
        let topic = cluster.internalNames + "doctor"
        let clock = ContinuousClock()
        do {
            let spec = TopicSpec(name: topic, partitions: 1, cleanup: .delete, settings: ["retention.ms": "3600000"])
            try await MissingTopics.ensure([spec], admin, .after(.seconds(10)))
            let producer = try KafkaProducer(
                configuration: configuration, deliveryTimeout: .seconds(10), logger: cluster.logger)
            // The first record also fetches metadata and a producer id; the second one is measured.
            _ = try await producer.send(OutgoingRecord(topic: topic, key: nil, value: Array("warm".utf8)))
            let start = clock.now
            let before = Date()
            let place = try await producer.send(OutgoingRecord(topic: topic, key: nil, value: Array("ping".utf8)))
            let after = Date()
            let acknowledged = clock.now - start
            try await producer.close(.after(.seconds(5)))
            let stamp = try await read(TopicPartition(topic: topic, partition: place.partition), place.offset)
            let time = "\(Humanise.duration(seconds: Double(acknowledged / .microseconds(1)) / 1e6))"
            return [
                Finding("round trip", .ok, "a record was acknowledged in \(time) and read back"),
                ClockCheck.finding(
                    stamp: stamp, before: before.timeIntervalSince1970, after: after.timeIntervalSince1970),
            ]
        } catch {
            return [
                Finding(
                    "round trip", .fail, "\(error)", advice: "the services need to produce, consume and create topics")
            ]
        }
    }

    /// The timestamp of the record, ms since 1970.
    private func read(_ partition: TopicPartition, _ offset: Int64) async throws -> Int64 {
        let (configuration, logger) = (configuration, cluster.logger)
        return try await BlockingWork("doctor").run {
            let consumer = try KafkaConsumer(configuration: configuration, logger: logger)
            defer { try? consumer.close(.after(.seconds(3))) }
            try consumer.assign([partition: offset])
            let batch = RecordBatch()
            let deadline = Deadline.after(.seconds(10))
            while !deadline.isExpired {
                if try consumer.poll(into: batch, timeout: .milliseconds(200)) > 0 { return batch.records[0].timestamp }
            }
            throw InputError("the record was acknowledged, but could not be read back within 10 s")
        }
    }
}

package enum ClockCheck {
    /// Compares the broker's timestamp of a record with this machine's clock before and after it was sent.
    /// - Parameters:
    ///   - stamp: ms since 1970.
    ///   - before: seconds since 1970, as is `after`.
    package static func finding(stamp: Int64, before: Double, after: Double) -> Finding {
        let stamp = Double(stamp) / 1_000
        // A stamp is cut to the millisecond.
        let skew = stamp + 0.001 < before ? stamp + 0.001 - before : max(0, stamp - after)
        let text =
            skew == 0
            ? "as the broker's"
            : "the broker's is \(Humanise.duration(seconds: abs(skew))) \(skew > 0 ? "ahead" : "behind")"
        guard abs(skew) >= 1 else { return Finding("clock", .ok, text) }
        return Finding(
            "clock", abs(skew) >= 60 ? .fail : .warn, text,
            advice: "synchronise the clocks (NTP): SLA timers run on them, and events from the future are rejected")
    }
}
