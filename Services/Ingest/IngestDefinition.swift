import FoundationEssentials
import Logging
package import ServiceKit

/// What ingest consists of.
package enum IngestDefinition {
    /// - Throws: When settings, tokens file or pseudonym key are wrong.
    package static func make(
        _ options: IngestOptions, _ environment: ServiceEnvironment,
        variables: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> ServiceDefinition {
        let settings = try IngestSettings(options, environment: variables)
        let tokensFile = try settings.tokensFile.map { path throws(SettingsError) in
            try TokensFile(named: path, logger: environment.logger)
        }
        if tokensFile == nil {
            environment.logger.warning(
                "anybody who reaches the HTTP address may post events; set --tokens-file to change that")
        }
        for (name, help) in Self.help { environment.metrics.describe(name, help) }
        let producer = try KafkaInboundProducer(environment)
        let readiness = environment.readiness
        let intake = EventIntake(rules: environment.rules)
        let route = EventsRoute(
            limits: settings.limits, tokens: tokensFile?.tokens, intake: intake, producer: producer,
            isOpen: { readiness.phase == .running })
        return ServiceDefinition(
            stages: { rules in
                if !rules.pseudonymizedMembers.isEmpty, !rules.keepUnknown.isEmpty {
                    environment.logger.warning(
                        "pseudonymize drops the members of keep_unknown: they may carry the ids that it replaces")
                }
                let pseudonymizer = try pseudonymizer(rules, keyFile: settings.pseudonymKeyFile)
                intake.adopt(rules)
                return [try TransformStage.definition(environment.settings, rules: rules, pseudonymizer: pseudonymizer)]
            }, routes: { route.add(to: $0) }, parts: [producer] + (tokensFile.map { [$0] } ?? []))
    }

    private static let help = [
        ("ingest_http_events_accepted_total", "Events that were acknowledged as durable to a sender over HTTP"),
        ("ingest_http_events_rejected_total", "Events over HTTP that are no valid events, by reason"),
        ("ingest_http_requests_total", "Requests to /v1/events by the status of their answer"),
        ("ingest_events_forwarded_total", "Events written to a canonical topic, repeated transactions included"),
        (
            "ingest_records_rejected_total",
            "Inbound records written to the dead letters, repeated transactions included"
        ),
    ]

    /// - Returns: nil when the rules ask for no pseudonyms.
    /// - Throws: When they do, and there is no good key: ids must not be stored as they are by accident.
    package static func pseudonymizer(_ rules: Rules, keyFile: String?) throws(SettingsError) -> Pseudonymizer? {
        guard !rules.pseudonymizedMembers.isEmpty else { return nil }
        func fault(_ reason: String, _ remedy: String) -> SettingsError {
            SettingsError(faults: [
                SettingsFault(
                    setting: "--pseudonym-key-file (DESKBEAT_PSEUDONYM_KEY_FILE)", reason: reason, remedy: remedy)
            ])
        }
        guard let keyFile else {
            throw fault(
                "the rules say pseudonymize, or agents: pseudonymous, but there is no key",
                "name a file whose first line is a long random key")
        }
        guard let key = SecretFile.firstLine(keyFile) else {
            throw fault("the file \(keyFile) cannot be read or is empty", "check the path and its permissions")
        }
        guard key.utf8.count >= Pseudonymizer.minimumKeyBytes else {
            throw fault(
                "the key in \(keyFile) is shorter than \(Pseudonymizer.minimumKeyBytes) bytes",
                "make one, for example by: openssl rand -hex 32")
        }
        return Pseudonymizer(key: Array(key.utf8), members: rules.pseudonymizedMembers)
    }
}
