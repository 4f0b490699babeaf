import CDeskbeat
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// A program and its arguments.
package struct ChildCommand: Sendable {
    package var executable: String
    package var arguments: [String]
    /// Set in addition to this process's variables.
    package var environment: [String: String]

    package init(executable: String, arguments: [String], environment: [String: String] = [:]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }
}

/// How a process ended.
package enum ExitReason: Equatable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let signal): "signal \(signal) (\(unsafe String(cString: strsignal(signal))))"
        }
    }
}

package enum ChildProcess {
    /// Starts a program in a process group of its own (a Ctrl-C on the terminal is for the parent alone, which stops its
    /// children in order), with default signal handling, standard input from /dev/null, and both outputs to `output`.
    package static func spawn(_ command: ChildCommand, output: Int32) throws(InputError) -> Int32 {
        try spawn(command, output: output, error: output, ownGroup: true)
    }

    /// Runs a program to its end, with standard error and process group of this one, and returns what it wrote to its standard
    /// output. Blocks.
    package static func output(_ command: ChildCommand) throws(InputError) -> (output: [UInt8], end: ExitReason) {
        var ends: [Int32] = [-1, -1]
        guard unsafe deskbeat_pipe(&ends) == 0 else { throw InputError("no pipe: \(systemMessage(errno))") }
        defer { close(ends[0]) }
        let child: Int32
        do throws(InputError) {
            child = try spawn(command, output: ends[1], error: STDERR_FILENO, ownGroup: false)
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        var output: [UInt8] = []
        while true {
            var count = 0
            var code: Int32 = 0
            output += unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
                count = unsafe read(ends[0], buffer.baseAddress, buffer.count)
                code = errno
                filled = max(0, count)
            }
            if count == 0 || (count < 0 && code != EINTR) { break }
        }
        return (output, reap(child))
    }

    private static func spawn(
        _ command: ChildCommand, output: Int32, error: Int32, ownGroup: Bool
    ) throws(InputError) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO)

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var reset = sigset_t()
        unsafe sigemptyset(&reset)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT] { unsafe sigaddset(&reset, signal) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &reset)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (ownGroup ? POSIX_SPAWN_SETPGROUP : 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        var variables = ProcessInfo.processInfo.environment
        variables.merge(command.environment) { $1 }
        var arguments = unsafe ([command.executable] + command.arguments).map { unsafe strdup($0) } + [nil]
        var environment = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        var child: Int32 = 0
        let result = unsafe posix_spawn(&child, command.executable, &actions, &attributes, &arguments, &environment)
        guard result == 0 else {
            throw InputError("\(command.executable) cannot be started: \(systemMessage(result))")
        }
        return child
    }

    /// Blocks until the process has ended, and leaves it to be reaped: until then its number cannot be given to another one.
    package static func waitWithoutReaping(_ child: Int32) {
        var info = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    }

    /// Of a process that has ended.
    package static func reap(_ child: Int32) -> ExitReason {
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }
}
