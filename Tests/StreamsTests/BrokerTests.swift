import Kafka
import Logging
import Streams
import Testing

/// The runtime over librdkafka against the local broker.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BrokerTests {
    @Test func countsAndStopsInGoodOrder() async throws {
        try await TestBroker.with { broker in
            let stage = countStage(partitions: 2)
            let runtime = StageRuntime(stage: stage, kafka: broker.kafka, instance: "one", threads: 1, logger: silent)
            try await runtime.start()
            try await broker.produce((0..<1_000).map { "k\($0 % 10)" }, to: stage.inputs[0])
            let sums = try await broker.sums(of: stage.outputs[0], until: 1_000)
            #expect(sums == Dictionary(uniqueKeysWithValues: (0..<10).map { ("k\($0)", 100) }))
            #expect(await runtime.stop(within: .seconds(20)))
            try await runtime.ended()
            #expect(runtime.state == .stopped(nil))
            let committed = try await broker.committed(stage)
            #expect(committed.values.reduce(0) { $0 + $1.offset } == 1_000)
            #expect(committed.values.allSatisfy { PositionMetadata(parsing: $0.metadata)?.isClean == true })
        }
    }
}
