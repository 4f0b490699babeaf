import ArgumentParser

/// `deskbeat doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check this machine and the broker, and say what to do.",
        discussion: """
            Checks the client library, time-zone data, disk and processes of `deskbeat up` (unless another broker is named), the broker, \
            the settings and replicas of the topics, what the stages have not read yet, dead letters, a round trip of one record (on a small topic of its own) and \
            the clocks. Exit status 1 when something fails; what is only worth a look is a warning.

            Example:
              KAFKA_BOOTSTRAP_SERVERS=kafka:9092 deskbeat doctor
            """)

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        let console = Console.output
        var hasFailed = false
        func show(_ findings: [Finding]) {
            for finding in findings {
                hasFailed = hasFailed || finding.grade == .fail
                for line in finding.lines(for: console) { console.line(line) }
            }
        }
        let directory = cluster.dataDir
        let isLocal = cluster.isLocal
        show(
            try await BlockingWork("doctor").run {
                [MachineChecks.library(), MachineChecks.timeZones()]
                    + (isLocal ? [MachineChecks.disk(directory)] + MachineChecks.processes(directory) : [])
            })
        do {
            let configuration = try cluster.configuration()
            show(try await ClusterChecks(cluster: cluster, configuration: configuration).run())
        } catch let error as InputError {
            show([Finding("broker", .fail, error.description)])
        }
        if hasFailed { throw ExitCode.failure }
    }
}
