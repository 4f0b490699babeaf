import Kafka
import Streams
import Testing

@Suite struct StreamWorkerTests {
    @Test func countsEachInputOnceAndCommitsPositionStateAndOutputTogether() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        for key in ["a", "b", "a"] { cluster.append("in", 0, key: key, value: "x") }
        let harness = Harness(cluster, stage)
        try harness.open()
        try harness.steps(12)
        #expect(cluster.outputCounts() == ["a": 2, "b": 1])
        #expect(cluster.changelogCounts(stage) == ["a": 2, "b": 1])
        #expect(cluster.committedPosition(stage)?.offset == 3)
        #expect(cluster.committedMetadata(stage)?.dirty == 0)
        #expect(cluster.committedMetadata(stage)?.isClean == false)
        try harness.close()
        #expect(cluster.committedMetadata(stage)?.isClean == true)
        #expect(!cluster.transactions.contains { $0.status == .open })
    }

    @Test func restoresStateWhereThePredecessorStopped() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "x")
        let first = Harness(cluster, stage)
        try first.open()
        try first.steps(12)
        try first.close()
        cluster.append("in", 0, key: "a", value: "x")
        let second = Harness(cluster, stage)
        try second.open()
        try second.steps(12)
        #expect(cluster.changelogCounts(stage) == ["a": 2])
        #expect(cluster.outputCounts() == ["a": 2])
    }

    @Test func theChangelogBeginsWithItsMetaRecordOnce() throws {
        let stage = countStage()
        let cluster = makeCluster(for: stage)
        cluster.append("in", 0, key: "a", value: "x")
        for _ in 0..<2 {
            let harness = Harness(cluster, stage)
            try harness.open()
            try harness.steps(12)
            cluster.append("in", 0, key: "b", value: "x")
            try harness.steps(12)
            try harness.close()
        }
        let metas = cluster.visible(stage.changelogTopic.name).filter { $0.record.key == ChangelogMeta.key }
        #expect(metas.map(\.offset) == [0])
        #expect(metas.first.flatMap { ChangelogMeta(value: $0.record.value ?? []) } == ChangelogMeta(partitions: 1))
    }
}
