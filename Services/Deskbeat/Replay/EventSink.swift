/// Where the events of a replay go.
package protocol EventSink: Sendable {
    /// Takes events, in their order; waits while too many are on their way. A failed delivery is thrown here or by `flush`.
    func send(_ events: [ReplayEvent]) async throws
    /// Returns when everything taken so far is durable.
    func flush() async throws
}

/// Lines on standard output.
package struct PrintingSink: EventSink {
    private let work = BlockingWork("print")

    package init() {}

    package func send(_ events: [ReplayEvent]) async throws {
        try await work.run {
            var lines: [UInt8] = []
            for event in events {
                lines += event.value
                lines.append(UInt8(ascii: "\n"))
            }
            Console.output.write(lines)
        }
    }

    package func flush() async throws {}
}
