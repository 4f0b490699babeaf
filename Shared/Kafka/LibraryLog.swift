package import Logging

/// How loud librdkafka's log lines are here.
package enum LibraryLog {
    /// - Parameters:
    ///   - level: syslog's, 0 (emergency) to 7 (debug).
    ///   - facility: librdkafka's name of the kind of line.
    package static func level(_ level: Int32, facility: String, text: String) -> Logger.Level {
        switch facility {
        // One set of KAFKA_* variables configures consumers and producers alike, so each kind of client is told of the
        // other kind's properties.
        case "CONFWARN": return .debug
        // The transaction of a predecessor that was killed is still being aborted; this is asked again until it is.
        case "GETPID" where text.hasSuffix("retrying"): return .debug
        // A lost connection: librdkafka connects again, and tells of it for every broker and every attempt. What it means
        // for the work is told by whoever waits for an answer.
        case "FAIL", "ERROR", "REQTMOUT", "FETCHERR", "ADDRERR": return min(known(level), .notice)
        default: return known(level)
        }
    }

    private static func known(_ level: Int32) -> Logger.Level {
        switch level {
        case ...2: .critical
        case 3: .error
        case 4: .warning
        case 5: .notice
        case 6: .info
        default: .debug
        }
    }
}
