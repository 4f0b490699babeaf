import ArgumentParser

/// The operator's command line.
@main
struct Deskbeat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deskbeat",
        abstract: "Live KPIs and SLA alerts from a helpdesk's events.",
        discussion: """
            Example:
              deskbeat up                          # a broker and every service, on this machine
              deskbeat sample | deskbeat replay -  # in another terminal: a day of a small helpdesk
              deskbeat wait-idle && deskbeat kpis
            """,
        subcommands: [
            UpCommand.self, BrokerCommand.self, TopicsCommand.self, AccessCommand.self, ReplayCommand.self,
            SampleCommand.self,
            WaitIdleCommand.self, KPIsCommand.self, AlertsCommand.self, SuiteAuditCommand.self, SLACommand.self,
            RulesCommand.self, RebuildCommand.self,
            DoctorCommand.self,
            LaunchCommand.self,
        ])
}
