import Foundation
import SupportEvents
import Testing

/// The published JSON Schemas of events against the decoder: they name the same types, members and values.
@Suite struct ContractTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/contracts")

    private static func schema(_ type: EventType) throws -> [String: Any] {
        let file = folder.appendingPathComponent("\(type.name).schema.json")
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    private static func member(_ object: [String: Any], _ path: String...) -> [String: Any] {
        path.reduce(object) { $0[$1] as? [String: Any] ?? [:] }
    }

    @Test func thereIsOneSchemaForEveryEventType() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        let named = files.filter { $0.hasPrefix("support.") }
        #expect(Set(named) == Set(EventType.allCases.map { "\($0.name).schema.json" }))
    }

    @Test(arguments: EventType.allCases)
    func schemaAndDecoderNameTheSameMembers(_ type: EventType) throws {
        let data = Self.member(try Self.schema(type), "properties", "data")
        let properties = Self.member(data, "properties")
        #expect(Set(properties.keys) == Set(type.members.map(\.name)))
        #expect(Set(data["required"] as? [String] ?? []) == Set(type.requiredMembers.map(\.name)))
    }

    @Test(arguments: EventType.allCases)
    func closedSetsHaveTheSameValues(_ type: EventType) throws {
        let sets: [EventField: [String]] = [
            .status: TicketStatus.allCases.map(\.name) + ["hold"], .initiator: Initiator.allCases.map(\.name),
            .author: Participant.allCases.map(\.name), .actor: Participant.allCases.map(\.name),
            .outcome: ContactOutcome.allCases.map(\.name), .in: AbandonmentPlace.allCases.map(\.name),
            .state: AgentState.allCases.map(\.name), .kind: SurveyKind.allCases.map(\.name),
            .direction: ScaleDirection.allCases.map(\.name), .interval: BillingInterval.allCases.map(\.name),
        ]
        let properties = Self.member(try Self.schema(type), "properties", "data", "properties")
        for field in type.members {
            let property = Self.member(properties, field.name)
            if field == .channel {
                #expect(property["examples"] as? [String] == Channel.allCases.map(\.name))
            } else {
                let values = (property["enum"] as? [Any])?.compactMap { $0 as? String }
                #expect(values.map(Set.init) == sets[field].map(Set.init), "\(field.name)")
            }
        }
    }

    /// The examples name every member, so the decoder takes what the schema calls valid.
    @Test(arguments: EventType.allCases)
    func theDecoderTakesTheExampleWithAllItsMembers(_ type: EventType) throws {
        let example = try #require((try Self.schema(type)["examples"] as? [[String: Any]])?.first)
        let event = EventDecoder().decode(value: Array(try JSONSerialization.data(withJSONObject: example)))
        #expect(event.rejection == nil)
        #expect(event.type == type)
        for name in Self.member(example, "data").keys {
            let field = try #require(EventField.allCases.first { $0.name == name })
            #expect(event.has(field), "\(name)")
        }
        let expected = type == .eventVoided ? [.voids, .ticketID] : type.members
        #expect(Self.member(example, "data").count == expected.count)
    }
}
