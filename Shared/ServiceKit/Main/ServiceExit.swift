public import ArgumentParser
import FoundationEssentials
import Glibc

/// With which status a service's process ends. The numbers above 63 are those of sysexits.h.
public enum ServiceExit {
    /// It was asked to stop, and everything is committed and closed.
    public static let stopped = ExitCode(0)
    /// A stage or the HTTP server has failed; a supervisor may start the service again.
    public static let failed = ExitCode(1)
    /// A flag or variable is wrong: starting again does not help.
    public static let usage = ExitCode(64)
    /// The rules file is wrong: starting again does not help.
    public static let rules = ExitCode(78)

    /// Tells the operator on standard error why the process ends, each line with the program's name in front.
    static func report(_ program: String, _ reason: String) {
        let lines = reason.split(separator: "\n").map { "\(program): \($0)\n" }.joined()
        PlainFile.write(lines, to: STDERR_FILENO)
    }
}
