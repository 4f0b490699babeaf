import ArgumentParser
import CDeskbeat

#if canImport(Glibc)
    import Glibc
#endif

/// What `up` runs its children through: asks the kernel to kill this process when its parent dies, however that comes
/// about, and becomes the program. The request outlives the exec, so that the program needs to know nothing of it.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Run a program that dies with its parent.",
        discussion: "Example:\n  deskbeat launch 4711 /usr/bin/deskbeat-ingest --http 127.0.0.1:0", shouldDisplay: false
    )

    @Argument(help: "Process id of the parent.")
    var parent: Int32

    @Argument(parsing: .captureForPassthrough, help: "The program's path and its arguments.")
    var program: [String]

    func run() throws {
        guard deskbeat_die_with_parent(SIGKILL) == 0 else { throw InputError("prctl: \(systemMessage(errno))") }
        // The parent may have died before the request was made.
        guard getppid() == parent, let path = program.first else { throw ExitCode.failure }
        // Threads of Swift's pool block all signals, and a mask outlives the exec as well.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        var arguments = unsafe program.map { unsafe strdup($0) } + [nil]
        unsafe execv(path, &arguments)
        throw InputError("\(path) cannot be started: \(systemMessage(errno))")
    }
}
