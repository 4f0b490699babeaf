internal import CRdkafka
internal import Logging

/// Owns an `rd_kafka_conf_t` until a handle takes it over.
@safe struct NativeConfiguration: ~Copyable {
    private let pointer: OpaquePointer

    init() {
        unsafe pointer = rd_kafka_conf_new()
    }

    deinit {
        unsafe rd_kafka_conf_destroy(pointer)
    }

    /// For the callback setters, which differ in nothing but their types.
    @safe borrowing func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        unsafe body(pointer)
    }

    /// Whether librdkafka has this property. Its getter does not know a property that has no value yet, so this sets
    /// it; what the value may be is checked where it counts.
    borrowing func knows(_ property: String) -> Bool {
        unsafe rd_kafka_conf_set(pointer, property, "1", nil, 0) != RD_KAFKA_CONF_UNKNOWN
    }

    borrowing func get(_ property: String) -> String? {
        var size = 0
        guard unsafe rd_kafka_conf_get(pointer, property, nil, &size) == RD_KAFKA_CONF_OK, size > 0 else { return nil }
        var buffer = [CChar](repeating: 0, count: size)
        guard unsafe rd_kafka_conf_get(pointer, property, &buffer, &size) == RD_KAFKA_CONF_OK else { return nil }
        return String(nulTerminated: buffer)
    }

    /// The refusal's text names the property, never its value: it may be a password.
    borrowing func set(_ property: String, _ value: String) throws(KafkaError) {
        var text = [CChar](repeating: 0, count: 512)
        switch unsafe rd_kafka_conf_set(pointer, property, value, &text, text.count) {
        case RD_KAFKA_CONF_OK:
            return
        case RD_KAFKA_CONF_UNKNOWN:
            throw .configuration("librdkafka \(LibraryVersion.loaded) has no property \(property)")
        default:
            throw .configuration("librdkafka refuses the value of \(property)")
        }
    }

    /// Sets what a client's guarantees rest on, after the user's properties, and refuses when those said otherwise.
    borrowing func require(_ property: String, _ value: String, given: [String: String]) throws(KafkaError) {
        let before = given[property] == nil ? nil : get(property)
        try set(property, value)
        if let before, let after = get(property), before != after {
            throw .configuration("\(property) must be \(value): exactly-once processing rests on it")
        }
    }

    /// Fills the three layers: `defaults`, the user's properties, `required`.
    borrowing func fill(
        _ configuration: KafkaConfiguration, defaults: [(String, String)], required: [(String, String)],
        logLevel: Logger.Level
    ) throws(KafkaError) {
        try set("log_level", String(syslogLevel(logLevel)))
        for (property, value) in defaults { try set(property, value) }
        for (property, value) in configuration.properties.sorted(by: { $0.key < $1.key }) { try set(property, value) }
        try set("bootstrap.servers", configuration.bootstrapServers)
        try set("client.id", KafkaConfiguration.shortened(configuration.clientID))
        let interval = configuration.statisticsInterval.clampedMilliseconds
        try set("statistics.interval.ms", String(min(interval, 86_400_000)))
        for (property, value) in required { try require(property, value, given: configuration.properties) }
    }

    /// Gives the object to `create`, which returns whether librdkafka has taken it over.
    consuming func handOver(_ create: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let handle = unsafe create(pointer) else {
            _ = consume self
            return nil
        }
        discard self
        return unsafe handle
    }
}

private func syslogLevel(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
}

extension String {
    /// What librdkafka has written into a buffer of ours.
    init(nulTerminated buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
