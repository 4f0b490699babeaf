import ArgumentParser
import FoundationEssentials
import ServiceKit

/// `deskbeat acls`.
struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acls",
        abstract: "Print the commands that give each service its rights on a Kafka cluster with ACLs.",
        discussion: """
            Asks no broker. Run what it prints with Kafka's own tools, as somebody who may alter ACLs. With --create-topics=never \
            the services get no right to create topics; create them by what `deskbeat topics --print` prints.

            Examples:
              deskbeat acls > acls.sh
              deskbeat acls --service ticketing --principal 'User:CN={service},O=Example'
            """)

    @Option(help: "Principal of a service; {service} stands for its name, which is deskbeat for this command line.")
    var principal = "User:{service}"

    @Option(help: "Only for this service; give it several times for several. Default: all.")
    var service: [String] = []

    @Option(help: "missing: services may create topics; never: they may not.")
    var createTopics = "missing"

    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        guard ["missing", "never"].contains(createTopics) else {
            throw ValidationError("--create-topics is missing or never.")
        }
        guard !principal.contains("'"), !principal.contains("\n") else {
            throw ValidationError("--principal has no quotes and no line breaks.")
        }
    }

    func run() async throws {
        let rules = AccessRule.all(
            topics: cluster.topics, internalPrefix: cluster.internalNames, createsTopics: createTopics == "missing")
        let holders = Set(rules.map(\.holder))
        if let unknown = service.first(where: { !holders.contains($0) }) {
            throw ValidationError("no service \(unknown); there are \(holders.sorted().joined(separator: ", "))")
        }
        for rule in rules where service.isEmpty || service.contains(rule.holder) {
            Console.output.line(
                rule.command(principal: principal.replacing("{service}", with: rule.holder)))
        }
    }
}
