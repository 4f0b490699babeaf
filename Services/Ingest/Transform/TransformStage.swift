package import ServiceKit
package import Streams
import SupportEvents

/// The stage `ingest/transform`: inbound topic to canonical topics, without state, exactly once.
package enum TransformStage {
    package static func definition(
        _ settings: ServiceSettings, rules: Rules, pseudonymizer: Pseudonymizer?,
        figures: TransformFigures = TransformFigures()
    ) throws(RulesError) -> StageDefinition {
        let sources = try rules.watchedSources()
        let topics = TopicNames(prefix: settings.topicPrefix)
        let partitions = Int32(settings.partitions)
        return StageDefinition(
            service: settings.service, name: "transform", internalPrefix: settings.internalPrefix,
            inputs: [.inbound(topics.inbound, partitions: partitions)],
            outputs: TransformTask.topics.map { .canonical(settings.topicPrefix + $0, partitions: partitions) },
            deadLetterTopic: .deadLetters(topics.deadLetters, partitions: partitions), hasChangelog: false,
            commitInterval: 100
        ) { context in
            TransformTask(
                options: DecoderOptions(rules), keepsComments: rules.keepComments, pseudonymizer: pseudonymizer,
                partitionCounts: context.outputPartitionCounts, sources: sources, figures: figures)
        }
    }
}
