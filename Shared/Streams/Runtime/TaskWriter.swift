import Kafka

/// The output of one task: topics by index, into the transaction of the thread.
final class TaskWriter: TaskOutput {
    private let session: TransactionSession
    private let outputs: [Int]
    private let changelogTopic: Int?
    private let partition: Int32
    private let partitionCount: Int32
    private let deadLetters: DeadLetterWriter?
    private let inputs: [String]

    /// The changelog has no meta record yet, neither committed nor in the open transaction.
    private var needsMeta: Bool
    private var wroteMeta = false
    private(set) var deadLetterReasons: [String: Int] = [:]

    init(
        stage: StageDefinition, partition: Int32, session: TransactionSession, needsMeta: Bool
    ) throws(WorkerError) {
        self.session = session
        inputs = stage.inputs.map(\.name)
        var outputs: [Int] = []
        for output in stage.outputs { outputs.append(try session.topic(output.name)) }
        self.outputs = outputs
        changelogTopic = stage.hasChangelog ? try session.topic(stage.changelogTopic.name) : nil
        self.partition = partition
        partitionCount = stage.partitionCount
        if let spec = stage.deadLetterTopic {
            deadLetters = DeadLetterWriter(
                topic: try session.topic(spec.name), partitionCount: spec.partitions, service: stage.service)
        } else {
            deadLetters = nil
        }
        self.needsMeta = needsMeta
    }

    func changelog(key: RawSpan, value: RawSpan?) {
        guard let changelogTopic else { preconditionFailure("a stage without changelog keeps no state") }
        if needsMeta, !wroteMeta {
            wroteMeta = true
            let metaKey = ChangelogMeta.key
            let meta = ChangelogMeta(partitions: partitionCount).value
            unsafe session.send(
                topic: changelogTopic, partition: partition, key: metaKey.span.bytes, value: meta.span.bytes,
                headers: [])
        }
        session.send(topic: changelogTopic, partition: partition, key: key, value: value, headers: [])
    }

    func send(
        to output: Int, partition: Int32, key: RawSpan?, value: RawSpan?, headers: [(String, [UInt8])]
    ) {
        session.send(topic: outputs[output], partition: partition, key: key, value: value, headers: headers)
    }

    func deadLetter(_ batch: RecordBatch, _ record: Int, reason: String, pointer: String?) {
        guard let deadLetters, let origin = batch.topicPartition(of: record) else {
            preconditionFailure("a record of an input without dead letters, or not of this batch")
        }
        deadLetters.write(
            batch, record, origin: origin, reason: reason, pointer: pointer, into: session)
        deadLetterReasons[reason, default: 0] += 1
    }

    func deadLetter(input: Int, key: RawSpan, value: RawSpan, reason: String) {
        guard let deadLetters else { preconditionFailure("a stage without dead letters") }
        deadLetters.write(
            key: key, value: value, origin: TopicPartition(topic: inputs[input], partition: partition), reason: reason,
            into: session)
        deadLetterReasons[reason, default: 0] += 1
    }

    func committed() {
        if wroteMeta { needsMeta = false }
        wroteMeta = false
        deadLetterReasons.removeAll(keepingCapacity: true)
    }

    func aborted() {
        wroteMeta = false
        deadLetterReasons.removeAll(keepingCapacity: true)
    }
}
