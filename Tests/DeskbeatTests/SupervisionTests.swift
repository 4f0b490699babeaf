import Deskbeat
import Foundation
import ServiceKit
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The events of a child one by one; its lines apart, because they come on a thread of their own.
private struct Watched {
    let child: SupervisedChild
    private var changes: AsyncStream<SupervisedChild.Event>.AsyncIterator
    private var lines: AsyncStream<String>.AsyncIterator

    init(_ script: String) {
        self.init(ChildCommand(executable: "/bin/sh", arguments: ["-c", script], environment: ["GREETING": "hello"]))
    }

    init(_ command: ChildCommand) {
        let (changes, postChange) = AsyncStream.makeStream(of: SupervisedChild.Event.self)
        let (lines, postLine) = AsyncStream.makeStream(of: String.self)
        child = SupervisedChild(name: "child", command: command) { event in
            if case .line(let line) = event { postLine.yield(line) } else { postChange.yield(event) }
        }
        self.changes = changes.makeAsyncIterator()
        self.lines = lines.makeAsyncIterator()
    }

    mutating func change() async throws -> SupervisedChild.Event {
        let event = await changes.next(isolation: #isolation)
        return try #require(event)
    }

    mutating func line() async throws -> String {
        let line = await lines.next(isolation: #isolation)
        return try #require(line)
    }

    mutating func started() async throws -> Int32 {
        let event = try await change()
        guard case .started(let pid) = event else {
            Issue.record("not started: \(event)")
            return 0
        }
        return pid
    }
}

@Suite(.timeLimit(.minutes(5))) struct SupervisedChildTests {
    @Test func isRestartedAfterAKillAndStoppedOnRequest() async throws {
        var watched = Watched("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")
        try watched.child.start()
        let first = try await watched.started()
        #expect(watched.child.pid == first)
        #expect(try await watched.line() == "up")
        watched.child.signal(SIGKILL)
        #expect(try await watched.change() == .ended(first, .signalled(SIGKILL), restartIn: .milliseconds(100)))
        let second = try await watched.started()
        #expect(second != first)
        #expect(try await watched.line() == "up")
        watched.child.stop()
        #expect(try await watched.change() == .ended(second, .exited(0), restartIn: nil))
        #expect(try await watched.change() == .stopped)
        #expect(watched.child.wait(seconds: 60))
        #expect(watched.child.pid == nil)
    }

    @Test func waitsLongerEachTimeItDiesAtOnce() async throws {
        var watched = Watched("exit 7")
        try watched.child.start()
        for delay in [100, 200, 400] {
            let pid = try await watched.started()
            #expect(try await watched.change() == .ended(pid, .exited(7), restartIn: .milliseconds(delay)))
        }
        // Between two lives there is nothing to signal, and the wait is cut short.
        watched.child.stop()
        var last = try await watched.change()
        while last != .stopped { last = try await watched.change() }
        #expect(watched.child.wait(seconds: 60))
    }

    @Test func linesAreTakenWholeFromBothOutputs() async throws {
        var watched = Watched("echo error >&2; printf \"$GREETING\\nno end\"; exec sleep 1000")
        try watched.child.start()
        #expect(try await watched.line() == "error")
        #expect(try await watched.line() == "hello")
        watched.child.stop()
        #expect(try await watched.line() == "no end")
        #expect(watched.child.wait(seconds: 60))
    }

    @Test func aLastWordIsNotContinuedByTheNextLife() async throws {
        var watched = Watched("printf 'begin\ncut off'; exit 3")
        try watched.child.start()
        for _ in 0..<2 {
            #expect(try await watched.line() == "begin")
            #expect(try await watched.line() == "cut off")
        }
        watched.child.stop()
        #expect(watched.child.wait(seconds: 60))
    }

    @Test func signalsThatThisProcessIgnoresReachTheChild() async throws {
        let before = signal(SIGHUP, SIG_IGN)
        defer { signal(SIGHUP, before) }
        var watched = Watched("kill -HUP $$; sleep 1000")
        try watched.child.start()
        let pid = try await watched.started()
        #expect(try await watched.change() == .ended(pid, .signalled(SIGHUP), restartIn: .milliseconds(100)))
        watched.child.stop()
        #expect(watched.child.wait(seconds: 60))
    }

    @Test func programThatIsNotThere() async throws {
        var watched = Watched(ChildCommand(executable: "/no/such", arguments: []))
        try watched.child.start()
        guard case .failedToStart(let message, .some) = try await watched.change() else {
            Issue.record("should have failed")
            return
        }
        #expect(message.contains("/no/such cannot be started"))
        watched.child.stop()
        #expect(watched.child.wait(seconds: 60))
    }

    private static var program: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "deskbeat").path
    }

    /// Nothing of the launching process is left over: no blocked signals, no arguments of its own.
    @Test func launchedProgramsTakeSignals() async throws {
        let program = Self.program
        try #require(FileManager.default.isExecutableFile(atPath: program), "\(program) has been built")
        let script = "echo \"$0 $*\"; while :; do sleep 0.05; done"
        var watched = Watched(
            ChildCommand(
                executable: program,
                arguments: ["launch", "\(getpid())", "/bin/sh", "-c", script, "zero", "--http", "--", "x"]))
        try watched.child.start()
        let pid = try await watched.started()
        #expect(try await watched.line() == "zero --http -- x")
        watched.child.stop()
        #expect(try await watched.change() == .ended(pid, .signalled(SIGTERM), restartIn: nil))
        #expect(watched.child.wait(seconds: 60))
    }

    /// `up` starts its children through `launch`; when the process that did so is killed, they are too.
    @Test func launchedProgramsDieWithTheirParent() async throws {
        let program = Self.program
        try #require(FileManager.default.isExecutableFile(atPath: program), "\(program) has been built")
        // The shell stands for `up`: it starts a child, which tells its number and holds the pipe, and waits.
        let pipe = Pipe()
        let script = "'\(program)' launch $$ /bin/sh -c 'echo $$; exec sleep 600' & wait"
        let parent = try ChildProcess.spawn(
            ChildCommand(executable: "/bin/sh", arguments: ["-c", script]),
            output: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        let line = try await BlockingWork("test").run {
            String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
        let child = try #require(Int32(line.trimmingCharacters(in: .newlines)))
        defer { kill(child, SIGKILL) }
        #expect(kill(child, 0) == 0)
        kill(parent, SIGKILL)
        // Ends when the last holder of the pipe has gone.
        let rest = try await BlockingWork("test").run { pipe.fileHandleForReading.availableData }
        #expect(rest.isEmpty)
        #expect(ChildProcess.reap(parent) == .signalled(SIGKILL))
    }
}

@Suite struct FleetTests {
    @Test func restartDelaysDoubleUpToALimit() {
        var policy = RestartPolicy()
        let delays = (0..<8).map { _ in policy.delay(afterRunning: .seconds(1)) }
        #expect(delays == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map { .milliseconds($0) })
        #expect(policy.delay(afterRunning: .seconds(2)) == .milliseconds(100))
        #expect(policy.delay(afterRunning: .seconds(1)) == .milliseconds(200))
    }

    private func fleet() -> Fleet {
        Fleet(
            bootstrapServers: "127.0.0.1:9092",
            members: [
                .init(name: "broker"), .init(name: "ingest", httpPort: 8_080),
                .init(name: "ticketing", httpPort: 8_081),
            ])
    }

    @Test func readyFileFollowsTheProcesses() throws {
        var fleet = fleet()
        for (index, name) in ["broker", "ingest", "ticketing"].enumerated() {
            #expect(!fleet.hasBeenReady)
            fleet.started(name, pid: Int32(100 + index))
            fleet.becameReady(name, pid: Int32(100 + index))
        }
        #expect(fleet.hasBeenReady)
        #expect(
            String(decoding: fleet.readyFile, as: UTF8.self)
                == #"{"bootstrap_servers":"127.0.0.1:9092","http":{"ingest":"http://127.0.0.1:8080","ticketing":"http://127.0.0.1:8081"},"pids":{"broker":100,"ingest":101,"ticketing":102}}"#
                + "\n")
        #expect(fleet.ended("ingest", .signalled(9)) == nil)
        let between = try JSONSerialization.jsonObject(with: Data(fleet.readyFile)) as? [String: Any]
        #expect((between?["pids"] as? [String: Int]) == ["broker": 100, "ticketing": 102])
        fleet.started("ingest", pid: 200)
        // A late word of the process before is not about this one.
        fleet.becameReady("ingest", pid: 101)
        #expect(fleet.members[1].isReady == false)
        fleet.becameReady("ingest", pid: 200)
        #expect(fleet.members[1].isReady)
    }

    @Test func givesUpOnlyBeforeTheFirstReadiness() {
        var young = fleet()
        young.started("ingest", pid: 1)
        #expect(young.ended("ingest", .exited(78)) != nil)
        young = fleet()
        for attempt in 1...Fleet.attemptLimit {
            young.started("ingest", pid: Int32(attempt))
            #expect((young.ended("ingest", .exited(1)) != nil) == (attempt == Fleet.attemptLimit))
        }
        var grown = fleet()
        for name in ["broker", "ingest", "ticketing"] {
            grown.started(name, pid: 1)
            grown.becameReady(name, pid: 1)
        }
        for attempt in 1...10 {
            grown.started("ingest", pid: Int32(attempt))
            #expect(grown.ended("ingest", .exited(78)) == nil)
        }
    }
}

@Suite struct DataDirectoryTests {
    @Test func oneHolderAtATime() throws {
        let temporary = try TemporaryDirectory()
        var first: DataDirectory? = try DataDirectory(temporary.path + "/d")
        let error = #expect(throws: InputError.self) { try DataDirectory(temporary.path + "/d") }
        #expect(try #require(error).description.contains("is in use by another `deskbeat up` (process \(getpid()))"))
        let port = try #require(try first?.port(for: "broker"))
        first = nil
        let second = try DataDirectory(temporary.path + "/d")
        #expect(try second.port(for: "broker") == port)
        #expect(try second.port(for: "ingest") != port)
    }

    @Test func takenPortIsReplaced() throws {
        let temporary = try TemporaryDirectory()
        let directory = try DataDirectory(temporary.path)
        let server = try LoopbackServer(answer: "HTTP/1.1 200 OK\r\n\r\n")
        _ = try temporary.file("broker.port", "\(server.port)\n")
        #expect(try directory.port(for: "broker") != server.port)
        _ = try temporary.file("broker.port", "nonsense")
        #expect((1...65_535).contains(try directory.port(for: "broker")))
    }

    @Test func logsAreBounded() throws {
        let temporary = try TemporaryDirectory()
        let log = try LogFile(path: temporary.path + "/x.log", limit: 100)
        for index in 0..<50 { log.append("line \(index)") }
        let current = try String(contentsOfFile: temporary.path + "/x.log", encoding: .utf8)
        let older = try String(contentsOfFile: temporary.path + "/x.log.1", encoding: .utf8)
        #expect(current.utf8.count <= 100 && older.utf8.count <= 100)
        #expect((older + current).hasSuffix("line 48\nline 49\n"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).count == 2)
    }

    @Test(arguments: [
        ("10:00:00.123Z INFO     ingest: ready", false), ("10:00:00.123Z WARNING  ingest: slow", true),
        (#"{"time":"t","level":"debug","message":"\"level\":\"error\""}"#, false),
        (#"{"time":"t","level":"critical","message":"x"}"#, true), ("Fatal error: Index out of range", true),
        ("", true),
        ("Error: INFO", true),
    ])
    func importance(line: String, expected: Bool) { #expect(LogImportance.isNoteworthy(line) == expected) }
}

/// Answers every connection with the same bytes, until it goes.
private final class LoopbackServer: Sendable {
    let port: Int
    private let listener: Int32

    init(answer: String) throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(socket, $0, length) == 0 && listen(socket, 8) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        try #require(bound)
        port = Int(UInt16(bigEndian: address.sin_port))
        listener = socket
        Thread.detachNewThread {
            while true {
                let client = accept(socket, nil, nil)
                guard client >= 0 else { return }
                var request = [UInt8](repeating: 0, count: 4_096)
                _ = unsafe request.withUnsafeMutableBytes { unsafe recv(client, $0.baseAddress, $0.count, 0) }
                let bytes = Array(answer.utf8)
                _ = unsafe bytes.withUnsafeBytes { unsafe send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                close(client)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}

/// One after the other: a port that one test has found free may be the next one's server.
@Suite(.serialized) struct HTTPProbeTests {
    @Test func readsStatusAndBody() throws {
        let server = try LoopbackServer(answer: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwait")
        #expect(HTTPProbe.accepts(port: server.port))
        let answer = try #require(HTTPProbe.get(port: server.port, path: "/readyz"))
        #expect((answer.status, answer.body) == (503, "wait"))
        #expect(!LoopbackPort.isFree(server.port))
    }

    @Test func whatIsNotHTTPIsNoAnswer() throws {
        let server = try LoopbackServer(answer: "SSH-2.0-x\r\n")
        #expect(HTTPProbe.get(port: server.port, path: "/") == nil)
        let free = try LoopbackPort.free()
        #expect(HTTPProbe.get(port: free, path: "/") == nil)
        #expect(!HTTPProbe.accepts(port: free))
    }
}

@Suite(.timeLimit(.minutes(5))) struct SupervisionTests {
    /// A terminal that has been stopped, say: what the services print fills every pipe on its way several times over.
    @Test func nobodyReadsStandardErrorAndServicesStartAgain() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("deskbeat-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let unread = Pipe()
        let script = "for line in $(seq 1 20000); do echo 'ERROR it does not work'; done >&2; exit 1"
        let member = Supervision.Member(
            name: "loud", executable: "/bin/sh", arguments: ["-c", script], port: 0,
            announceFile: folder.appendingPathComponent("never").path)
        let supervision = try Supervision(
            directory: DataDirectory(folder.path),
            plan: .init(bootstrapServers: "nowhere", launcher: nil, members: [member]),
            sink: LogSink(descriptor: unread.fileHandleForWriting.fileDescriptor, limit: 64 << 10))
        // It gives up only after several lives.
        #expect(try await supervision.run(readyFile: nil) == false)
        let log = try String(contentsOf: folder.appendingPathComponent("logs/loud.log"), encoding: .utf8)
        #expect(log.count { $0 == "\n" } > 20_000)
        try unread.fileHandleForReading.close()
    }
}
