import Kafka
import Logging
import Testing

@Suite struct LibraryLogTests {
    @Test func expectedRetriesAreNoWarnings() {
        let retry = "Failed to acquire transactional PID from broker TxnCoordinator/1: concurrent operation: retrying"
        #expect(LibraryLog.level(4, facility: "GETPID", text: retry) == .debug)
        #expect(LibraryLog.level(4, facility: "GETPID", text: "Failed to acquire PID: not authorized") == .warning)
        #expect(LibraryLog.level(4, facility: "CONFWARN", text: "") == .debug)
    }

    @Test func levelsAreSyslogs() {
        let levels = (Int32(0)...7).map { LibraryLog.level($0, facility: "", text: "") }
        #expect(levels == [.critical, .critical, .critical, .error, .warning, .notice, .info, .debug])
    }
}
