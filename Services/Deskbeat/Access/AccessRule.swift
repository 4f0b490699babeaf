package import ServiceKit

/// One right that a Kafka cluster with an authorizer has to give.
package struct AccessRule: Sendable, Equatable {
    package enum Resource: Sendable, Equatable {
        case topic(String)
        /// All topics whose names begin so.
        case topics(prefix: String)
        case groups(prefix: String)
        case transactionalIDs(prefix: String)
    }

    /// Kafka's names of operations.
    package enum Operation: String, Sendable {
        case read = "Read"
        case write = "Write"
        case create = "Create"
        case describe = "Describe"
        case describeConfigs = "DescribeConfigs"
    }

    /// Who: a service's name, or `deskbeat` for the command line.
    package var holder: String
    package var resource: Resource
    package var operations: [Operation]

    package init(_ holder: String, _ resource: Resource, _ operations: [Operation]) {
        self.holder = holder
        self.resource = resource
        self.operations = operations
    }

    /// The command of Kafka's own tools that gives the right; `BOOTSTRAP` is a shell variable.
    ///
    /// - Parameter principal: For example `User:ticketing`.
    package func command(principal: String) -> String {
        let place =
            switch resource {
            case .topic(let name): "--topic '\(name)'"
            case .topics(let prefix): "--topic '\(prefix)' --resource-pattern-type prefixed"
            case .groups(let prefix): "--group '\(prefix)' --resource-pattern-type prefixed"
            case .transactionalIDs(let prefix): "--transactional-id '\(prefix)' --resource-pattern-type prefixed"
            }
        let operations = operations.map { " --operation \($0.rawValue)" }.joined()
        return
            "kafka-acls.sh --bootstrap-server \"$BOOTSTRAP\" --add --allow-principal '\(principal)'\(operations) \(place)"
    }
}

extension AccessRule {
    /// Whoever uses the command line.
    package static let commandLine = "deskbeat"

    /// The rights of every service and of the command line, no more than they use.
    ///
    /// - Parameter createsTopics: Whether services create the topics that are missing (`--create-topics=missing`).
    package static func all(topics: TopicNames, internalPrefix: String, createsTopics: Bool) -> [AccessRule] {
        let canonical = [topics.tickets, topics.contacts, topics.surveys, topics.customers, topics.finance]
        let stages = StageEntry.all(topics: topics, internalPrefix: internalPrefix)
        var rules: [AccessRule] = []
        var seen: Set<String> = []
        let create: [Operation] = createsTopics ? [.create] : []
        for service in stages.map(\.service) where seen.insert(service).inserted {
            let look: [Operation] = [.describe, .describeConfigs]
            let inputs = Set(stages.filter { $0.service == service }.flatMap(\.inputs))
                .filter { !$0.hasPrefix(internalPrefix) }
            let outputs = service == "ingest" ? [topics.inbound] + canonical : [topics.alerts]
            // An audit of a service compares what it has published, so it reads that, too.
            let read = inputs.union(service == "ingest" ? [] : [topics.alerts])
            for topic in read.union(outputs).union([topics.deadLetters]).sorted() {
                let writes = outputs.contains(topic) || topic == topics.deadLetters
                rules.append(
                    AccessRule(
                        service, .topic(topic),
                        (read.contains(topic) ? [.read] : []) + (writes ? [.write] : []) + create + look))
            }
            rules += [
                AccessRule(service, .topic(internalPrefix + "clocks"), [.read, .write] + create + look),
                // --rules publishes the file.
                AccessRule(service, .topic(internalPrefix + "rules"), [.read, .write] + create + look),
                AccessRule(service, .topic(internalPrefix + "generations"), [.read] + create + look),
                AccessRule(service, .transactionalIDs(prefix: internalPrefix + "rules"), [.write, .describe]),
                AccessRule(service, .topics(prefix: "\(internalPrefix)\(service)."), [.read, .write] + create + look),
                AccessRule(service, .groups(prefix: "\(internalPrefix)\(service)-"), [.read, .describe]),
                // The client asks for the coordinator of its group (client.id) also where it reads by position, as for a restore.
                AccessRule(service, .groups(prefix: "deskbeat-\(service)-"), [.read, .describe]),
                AccessRule(service, .transactionalIDs(prefix: "\(internalPrefix)\(service)-"), [.write, .describe]),
            ]
        }
        return rules + [
            AccessRule(commandLine, .topics(prefix: topics.prefix), [.read, .describe, .describeConfigs]),
            AccessRule(commandLine, .topics(prefix: internalPrefix), [.read, .describe, .describeConfigs]),
            AccessRule(commandLine, .groups(prefix: internalPrefix), [.describe]),
            AccessRule(commandLine, .groups(prefix: "deskbeat-"), [.read, .describe]),
            // replay, and the round trip of doctor.
            AccessRule(commandLine, .topic(topics.inbound), [.write]),
            AccessRule(commandLine, .topic(internalPrefix + "doctor"), [.write, .create]),
            // rules apply, and rebuild with its new topics.
            AccessRule(commandLine, .topic(internalPrefix + "rules"), [.write] + create),
            AccessRule(commandLine, .transactionalIDs(prefix: internalPrefix + "rules"), [.write, .describe]),
            AccessRule(commandLine, .topics(prefix: internalPrefix), [.write] + create),
            AccessRule(commandLine, .transactionalIDs(prefix: internalPrefix + "rebuild-"), [.write, .describe]),
        ]
    }
}
