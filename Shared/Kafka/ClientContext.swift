internal import CRdkafka
internal import Logging

/// What librdkafka's callbacks find behind their opaque pointer. Subclasses add what one kind of client needs.
///
/// Log callbacks arrive on any of librdkafka's threads and read `logger` and `client` only, which never change. All
/// other callbacks run inside a poll, on the thread that owns the handle.
class ClientContext {
    let logger: Logger
    let client: String
    private let statistics: StatisticsSink?

    init(configuration: KafkaConfiguration, logger: Logger) {
        var logger = logger
        let client = KafkaConfiguration.shortened(configuration.clientID)
        logger[metadataKey: LogKeys.client] = "\(client)"
        self.logger = logger
        self.client = client
        self.statistics = configuration.statisticsInterval > .zero ? StatisticsSink(client: client) : nil
    }

    func install(in configuration: borrowing NativeConfiguration) {
        let opaque = unsafe Unmanaged.passUnretained(self).toOpaque()
        configuration.withPointer { pointer in
            unsafe rd_kafka_conf_set_opaque(pointer, opaque)
            unsafe rd_kafka_conf_set_log_cb(pointer) { handle, level, facility, message in
                guard let opaque = unsafe handle.flatMap({ unsafe rd_kafka_opaque($0) }) else { return }
                let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
                unsafe context.log(level: level, facility: facility, message: message)
            }
            unsafe rd_kafka_conf_set_error_cb(pointer) { _, code, reason, opaque in
                guard let opaque = unsafe opaque else { return }
                let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
                let text = unsafe reason.map { unsafe String(cString: $0) }
                context.failed(KafkaError.Code(rawValue: code), reason: text)
            }
            unsafe rd_kafka_conf_set_stats_cb(pointer) { _, json, size, opaque in
                guard let opaque = unsafe opaque, let json = unsafe json else { return 0 }
                let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
                unsafe context.statistics?.publish(Array(UnsafeRawBufferPointer(start: json, count: size)))
                return 0
            }
        }
    }

    private func log(level: Int32, facility: UnsafePointer<CChar>?, message: UnsafePointer<CChar>?) {
        let facility = unsafe facility.map { unsafe String(cString: $0) } ?? ""
        let text = unsafe message.map { unsafe String(cString: $0) } ?? ""
        let chosen = LibraryLog.level(level, facility: facility, text: text)
        guard chosen >= logger.logLevel else { return }
        logger.log(level: chosen, "\(text)", metadata: [LogKeys.facility: "\(facility)"])
    }

    /// Errors of the client as a whole (brokers down, authentication): librdkafka goes on by itself, unless fatal,
    /// which the next call on the handle reports.
    private func failed(_ code: KafkaError.Code, reason: String?) {
        let error = KafkaError(code: code, operation: "talk to the brokers", reason: reason)
        let level: Logger.Level = code == .fatal ? .error : code.isTransient ? .notice : .warning
        logger.log(level: level, "\(error)")
    }
}

/// Metadata keys of this module's log lines.
enum LogKeys {
    static let client = "kafka.client"
    static let facility = "kafka.facility"
    static let partitions = "kafka.partitions"
}
