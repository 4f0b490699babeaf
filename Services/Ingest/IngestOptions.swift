package import ArgumentParser
package import ServiceKit

/// The options that ingest has beside those of every service.
package struct IngestOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Who may post: one \"token source-prefix\" per line. Read again on SIGHUP and when it changes. "
                + "Environment: DESKBEAT_TOKENS_FILE; default: everybody.", valueName: "file"))
    package var tokensFile: String?

    @Option(
        help: ArgumentHelp(
            "Events per second and token over HTTP, with a burst of twice that; 0 is without limit. "
                + "Environment: DESKBEAT_RATE_LIMIT; default 0.", valueName: "n"))
    package var rateLimit: Int?

    @Option(
        help: ArgumentHelp(
            "Requests in progress, 1 to 10000. Environment: DESKBEAT_MAX_REQUESTS; default 256.", valueName: "n"))
    package var maxRequests: Int?

    @Option(
        help: ArgumentHelp(
            "KiB of all request bodies in progress together, 1024 to 16777216. "
                + "Environment: DESKBEAT_MAX_BODY_MEMORY; default 131072.", valueName: "KiB"))
    package var maxBodyMemory: Int?

    @Option(
        help: ArgumentHelp(
            "KiB of one request with one event, 1 to 65536. Environment: DESKBEAT_MAX_BODY; default 1024.",
            valueName: "KiB"))
    package var maxBody: Int?

    @Option(
        help: ArgumentHelp(
            "KiB of one request with many events, 1 to 65536. Environment: DESKBEAT_MAX_BATCH_BODY; default 8192.",
            valueName: "KiB"))
    package var maxBatchBody: Int?

    @Option(
        help: ArgumentHelp(
            "How long a client may take to send a body, to 10m. Environment: DESKBEAT_BODY_TIMEOUT; default 30s.",
            valueName: "duration"))
    package var bodyTimeout: String?

    @Option(
        help: ArgumentHelp(
            "File whose first line is the key of pseudonyms, at least 16 bytes; needed by pseudonymize in the rules. "
                + "Environment: DESKBEAT_PSEUDONYM_KEY_FILE.", valueName: "file"))
    package var pseudonymKeyFile: String?

    package init() {}
}

/// Bounds of what one client, and all of them together, may ask of the HTTP front.
package struct IntakeLimits: Sendable {
    /// Bytes of a request with one event.
    package var body = 1 << 20
    /// Bytes of a request with many events.
    package var batchBody = 8 << 20
    /// Requests in progress.
    package var requests = 256
    /// Bytes of all bodies in progress.
    package var bodyMemory = 128 << 20
    /// For the whole body to arrive.
    package var bodyTimeout: Duration = .seconds(30)
    /// Events per second and token; 0 is without limit.
    package var rate = 0

    package init() {}
}

/// Ingest's own settings, resolved and checked.
package struct IngestSettings: Sendable {
    package let limits: IntakeLimits
    package let tokensFile: String?
    package let pseudonymKeyFile: String?

    package init(_ options: IngestOptions, environment: [String: String]) throws(SettingsError) {
        var reader = SettingsReader(environment: environment)
        func kibibytes(
            _ value: Int?, _ flag: String, _ variable: String, _ fallback: Int, _ range: ClosedRange<Int>
        ) -> Int {
            reader.integer(value, flag, variable, default: fallback, in: range) << 10
        }
        var limits = IntakeLimits()
        limits.body = kibibytes(options.maxBody, "--max-body", "DESKBEAT_MAX_BODY", 1_024, 1...65_536)
        limits.batchBody = kibibytes(
            options.maxBatchBody, "--max-batch-body", "DESKBEAT_MAX_BATCH_BODY", 8_192, 1...65_536)
        limits.bodyMemory = kibibytes(
            options.maxBodyMemory, "--max-body-memory", "DESKBEAT_MAX_BODY_MEMORY", 131_072, 1_024...16_777_216)
        limits.requests = reader.integer(
            options.maxRequests, "--max-requests", "DESKBEAT_MAX_REQUESTS", default: 256, in: 1...10_000)
        limits.rate = reader.integer(
            options.rateLimit, "--rate-limit", "DESKBEAT_RATE_LIMIT", default: 0, in: 0...100_000_000)
        limits.bodyTimeout =
            reader.duration(
                options.bodyTimeout, "--body-timeout", "DESKBEAT_BODY_TIMEOUT", default: RulesDuration(30, .seconds),
                in: 100...600_000
            ).duration
        if limits.bodyMemory < max(limits.body, limits.batchBody) {
            reader.fault(
                "--max-body-memory", "DESKBEAT_MAX_BODY_MEMORY", "smaller than one request may be",
                "write at least \(max(limits.body, limits.batchBody) >> 10)")
        }
        self.limits = limits
        tokensFile = reader.text(options.tokensFile, "DESKBEAT_TOKENS_FILE")
        pseudonymKeyFile = reader.text(options.pseudonymKeyFile, "DESKBEAT_PSEUDONYM_KEY_FILE")
        try reader.check()
    }
}
