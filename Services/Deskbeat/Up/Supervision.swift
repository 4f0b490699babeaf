import FoundationEssentials
import Kafka
package import ServiceKit
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Runs the processes of a plan until a signal asks for the end: the broker first, then the services; at the end the
/// services first, then the broker.
package struct Supervision: Sendable {
    package static let broker = "broker"

    package struct Member: Sendable {
        package var name: String
        package var executable: String
        package var arguments: [String]
        /// Of its HTTP server; of the broker itself for the broker.
        package var port: Int
        /// Where a service says who it is; nil for the broker.
        package var announceFile: String?

        package init(name: String, executable: String, arguments: [String], port: Int, announceFile: String?) {
            self.name = name
            self.executable = executable
            self.arguments = arguments
            self.port = port
            self.announceFile = announceFile
        }
    }

    package struct Plan: Sendable {
        package var bootstrapServers: String
        /// The program whose `launch` command starts the members, so that they die with this process; nil starts them directly.
        package var launcher: String?
        package var members: [Member]
        /// Done when the broker is ready, before the first service starts.
        package var beforeServices: (@Sendable () async throws -> Void)?

        package init(bootstrapServers: String, launcher: String?, members: [Member]) {
            self.bootstrapServers = bootstrapServers
            self.launcher = launcher
            self.members = members
        }
    }

    private enum Event: Sendable {
        case child(String, SupervisedChild.Event)
        case ready(String, Int32)
        case signal
    }

    /// Services have this long to commit and close, then they are killed; the broker has its own time after them. The sum
    /// stays below the 15 s within which `up` promises to end.
    private static let serviceGrace = 9.0
    private static let brokerGrace = 4.0

    private let plan: Plan
    /// Lines for standard error: whoever does not read them must not keep a service from starting again.
    private let sink: LogSink
    private let children: [SupervisedChild]
    private let events: AsyncStream<Event>
    private let post: AsyncStream<Event>.Continuation

    package init(directory: DataDirectory, plan: Plan, sink: LogSink = LogSink()) throws {
        self.plan = plan
        self.sink = sink
        (events, post) = AsyncStream.makeStream(of: Event.self)
        var children: [SupervisedChild] = []
        let width = plan.members.map(\.name.count).max() ?? 0
        for member in plan.members {
            let log = try LogFile(path: directory.file("logs/\(member.name).log"))
            var command = ChildCommand(executable: member.executable, arguments: member.arguments)
            if let launcher = plan.launcher {
                command = ChildCommand(
                    executable: launcher,
                    arguments: ["launch", String(getpid()), member.executable] + member.arguments)
            }
            let label = member.name + String(repeating: " ", count: width - member.name.count)
            children.append(
                SupervisedChild(name: member.name, command: command) { [post, sink] event in
                    guard case .line(let line) = event else {
                        post.yield(.child(member.name, event))
                        return
                    }
                    log.append(line)
                    Self.show(line, label, in: sink)
                })
        }
        self.children = children
    }

    private static func show(_ line: String, _ label: String, in sink: LogSink) {
        let console = Console.error
        let matters = LogImportance.isNoteworthy(line)
        guard console.isTerminal || matters else { return }
        sink.write(Array((console.styled(label, matters ? .yellow : .dim) + " " + line).utf8))
    }

    /// Returns true when all was stopped as asked, false when something could not be started.
    package func run(readyFile: String?) async throws -> Bool {
        let signals = listen()
        defer { signals.finish() }
        if let readyFile { try? FileManager.default.removeItem(atPath: readyFile) }
        let brokers = children.filter { $0.name == Self.broker }
        let services = children.filter { $0.name != Self.broker }
        let outcome: Result<Bool, any Error>
        do {
            outcome = .success(try await watch(brokers: brokers, services: services, readyFile))
        } catch {
            outcome = .failure(error)
        }
        say("stopping")
        await stop(services, seconds: Self.serviceGrace)
        await stop(brokers, seconds: Self.brokerGrace)
        try? await BlockingWork("last-words").run { sink.flush() }
        if let readyFile { try? FileManager.default.removeItem(atPath: readyFile) }
        return try outcome.get()
    }

    /// Until a signal (true) or a hopeless start (false).
    private func watch(brokers: [SupervisedChild], services: [SupervisedChild], _ readyFile: String?) async throws
        -> Bool
    {
        var fleet = Fleet(
            bootstrapServers: plan.bootstrapServers,
            members: plan.members.map { .init(name: $0.name, httpPort: $0.announceFile == nil ? nil : $0.port) })
        if brokers.isEmpty { try await plan.beforeServices?() }
        for child in brokers.isEmpty ? services : brokers { try child.start() }
        var servicesAreStarted = brokers.isEmpty
        for await event in events {
            switch event {
            case .signal: return true
            case .child(let name, .started(let pid)):
                fleet.started(name, pid: pid)
                // Its number is news to those who read the file, even before it is ready.
                if fleet.hasBeenReady { try write(fleet, readyFile) }
                expect(name, pid)
            case .ready(let name, let pid):
                let isFirst = !fleet.hasBeenReady
                fleet.becameReady(name, pid: pid)
                if name == Self.broker, !servicesAreStarted {
                    servicesAreStarted = true
                    try await plan.beforeServices?()
                    for child in services { try child.start() }
                }
                guard fleet.hasBeenReady else { continue }
                try write(fleet, readyFile)
                if isFirst { announce(fleet) } else { say("\(name) is ready again (process \(pid))") }
            case .child(let name, .ended(let pid, let reason, let restart)):
                if let reason = fleet.ended(name, reason) {
                    say("\(reason); its log says why", isError: true)
                    return false
                }
                let next = restart.map { ", starts again in \($0)" } ?? ""
                say("\(name) (process \(pid)) has ended: \(reason)\(next)", isError: true)
            case .child(let name, .failedToStart(let message, _)):
                say("\(name): \(message)", isError: true)
                if !fleet.hasBeenReady { return false }
            case .child(_, .stopped), .child(_, .line): continue
            }
        }
        return true
    }

    // MARK: - Readiness

    /// Looks after a process, away from the cooperative pool, until it is ready or replaced.
    private func expect(_ name: String, _ pid: Int32) {
        guard let member = plan.members.first(where: { $0.name == name }),
            let child = children.first(where: { $0.name == name })
        else { return }
        let post = post
        OSThread.start("ready-\(name)") {
            var waits = 0
            while child.pid == pid {
                if Self.isReady(member, pid) {
                    post.yield(.ready(name, pid))
                    return
                }
                waits += 1
                usleep(waits < 100 ? 20_000 : 200_000)
            }
        }
    }

    private static func isReady(_ member: Member, _ pid: Int32) -> Bool {
        guard let file = member.announceFile else { return HTTPProbe.accepts(port: member.port) }
        // A file of an earlier process, or another program on the port, must not pass for this one.
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: file)),
            let announced = try? JSONDecoder().decode(Announcement.self, from: data), announced.pid == pid
        else { return false }
        return HTTPProbe.get(port: member.port, path: "/readyz")?.status == 200
    }

    private struct Announcement: Decodable {
        var pid: Int32
    }

    private func write(_ fleet: Fleet, _ path: String?) throws(InputError) {
        if let path { try writeAtomically(fleet.readyFile, to: path) }
    }

    // MARK: - The end

    private func listen() -> TerminationSignals {
        // Whoever reads our standard error may go; the services are to go on.
        _ = signal(SIGPIPE, SIG_IGN)
        let (children, post) = (children, post)
        let seen = Mutex(0)
        let signals = TerminationSignals()
        signals.forEach { _ in
            let count = seen.withLock { seen in
                seen += 1
                return seen
            }
            // Asked twice, somebody is in a hurry; nothing durable is lost.
            if count > 1 { for child in children { child.signal(SIGKILL) } }
            post.yield(.signal)
        }
        return signals
    }

    private func stop(_ children: [SupervisedChild], seconds: Double) async {
        for child in children { child.stop() }
        try? await BlockingWork("stop").run {
            let end = Date(timeIntervalSinceNow: seconds)
            for child in children where !child.wait(seconds: max(0, end.timeIntervalSinceNow)) {
                say("\(child.name) did not stop in time and is killed", isError: true)
                child.signal(SIGKILL)
                _ = child.wait(seconds: 1)
            }
        }
    }

    // MARK: - Words

    private func announce(_ fleet: Fleet) {
        let console = Console.error
        say("ready, Kafka at \(fleet.bootstrapServers)")
        guard console.isTerminal else { return }
        var table = Table([.init("service"), .init("state"), .init("process", .right), .init("address")])
        for member in fleet.members {
            table.add([
                .init(member.name, .bold), .init("ready", .green), .init(member.pid.map { String($0) } ?? ""),
                .init(member.httpPort.map { "http://127.0.0.1:\($0)" } ?? fleet.bootstrapServers),
            ])
        }
        for line in table.lines(for: console) { sink.write(Array(line.utf8)) }
    }

    private func say(_ text: String, isError: Bool = false) {
        let name = Console.error.styled("deskbeat", isError ? .red : .cyan)
        sink.write(Array("\(name) \(text)".utf8))
    }
}
