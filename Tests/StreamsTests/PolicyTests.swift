import Kafka
import Streams
import Testing

@Suite struct CommitPolicyTests {
    private func work(_ change: (inout CommitPolicy.Work) -> Void = { _ in }) -> CommitPolicy.Work {
        var work = CommitPolicy.Work()
        change(&work)
        return work
    }

    @Test func nothingToDoIsNeverDue() {
        let policy = CommitPolicy(interval: 100, now: 0)
        #expect(!policy.isDue(work(), now: 1_000_000))
        #expect(policy.wait(work(), now: 1_000_000, longest: 20) == 20)
    }

    @Test(arguments: [
        { @Sendable (work: inout CommitPolicy.Work) in work.records = 1 },
        { @Sendable (work: inout CommitPolicy.Work) in work.hasMoved = true },
        { @Sendable (work: inout CommitPolicy.Work) in work.dirty = 1 },
        { @Sendable (work: inout CommitPolicy.Work) in work.clockDue = true },
    ])
    func somethingIsDueAtTheInterval(_ change: @Sendable (inout CommitPolicy.Work) -> Void) {
        let policy = CommitPolicy(interval: 100, now: 1_000)
        let work = work(change)
        #expect(!policy.isDue(work, now: 1_099))
        #expect(policy.isDue(work, now: 1_100))
        #expect(policy.wait(work, now: 1_095, longest: 20) == 5)
        #expect(policy.wait(work, now: 2_000, longest: 20) == 0)
    }

    @Test func aLargeTransactionIsDueAtOnce() {
        let policy = CommitPolicy(interval: 100, now: 0)
        #expect(!policy.isDue(work { $0.records = CommitPolicy.initialRecords - 1 }, now: 0))
        #expect(policy.isDue(work { $0.records = CommitPolicy.initialRecords }, now: 0))
        #expect(policy.isDue(work { $0.bytes = CommitPolicy.maximumBytes }, now: 0))
    }

    @Test func transactionsGrowWhileTheirEndsAreShort() {
        var policy = CommitPolicy(interval: 100, now: 0)
        policy.committed(records: 100, took: 10, now: 1)
        #expect(policy.recordLimit == CommitPolicy.initialRecords)
        for _ in 0..<10 { policy.committed(records: policy.recordLimit, took: 1_000, now: 1) }
        #expect(policy.recordLimit == CommitPolicy.maximumRecords)
        #expect(!policy.isDue(work { $0.records = CommitPolicy.maximumRecords - 1 }, now: 1))
        policy.committed(records: policy.recordLimit, took: 1_500, now: 1)
        #expect(policy.recordLimit == CommitPolicy.maximumRecords)
    }

    @Test func transactionsShrinkWhereTheirEndsAreLong() {
        var policy = CommitPolicy(interval: 100, now: 0)
        policy.committed(records: 10_000, took: 8_000, now: 1)
        #expect(policy.recordLimit == 2_500)
        policy.aborted(now: 2)
        #expect(policy.recordLimit == 1_250)
        for _ in 0..<5 { policy.aborted(now: 3) }
        policy.committed(records: 5, took: 60_000, now: 4)
        #expect(policy.recordLimit == CommitPolicy.minimumRecords)
        #expect(policy.isDue(work { $0.records = CommitPolicy.minimumRecords }, now: 4))
    }

    @Test func urgentCommitsAreTenMillisecondsApart() {
        var policy = CommitPolicy(interval: 1_000, now: 0)
        let urgent = work { $0.isUrgent = true }
        #expect(!policy.isDue(urgent, now: 9))
        #expect(policy.wait(urgent, now: 4, longest: 20) == 6)
        #expect(policy.isDue(urgent, now: 10))
        policy.committed(records: 1, took: 0, now: 10)
        #expect(!policy.isDue(urgent, now: 19))
    }

    @Test func aBacklogIsCommittedInLargeTransactions() {
        let policy = CommitPolicy(interval: 100, now: 0)
        var behind = work { $0.records = 8_192 }
        behind.isBacklogged = true
        #expect(!policy.isDue(behind, now: 100))
        #expect(policy.isDue(behind, now: 1_000))
        behind.records = CommitPolicy.initialRecords
        #expect(policy.isDue(behind, now: 100))
        behind.records = 1
        behind.isUrgent = true
        #expect(policy.isDue(behind, now: 10))
        behind.isUrgent = false
        behind.isBacklogged = false
        #expect(policy.isDue(behind, now: 100))
        #expect(
            !CommitPolicy(interval: 5_000, now: 0).isDue(
                work {
                    $0.records = 1; $0.isBacklogged = true
                }, now: 4_999))
    }
}

@Suite struct MemoryReleaseTests {
    @Test func aWhileAfterTheStageHasCaughtUp() {
        let release = MemoryRelease()
        #expect(!release.takeDue(now: 0))
        release.caughtUp(now: 1_000)
        release.caughtUp(now: 1_400)
        #expect(!release.takeDue(now: 1_899))
        #expect(release.takeDue(now: 1_900))
        #expect(!release.takeDue(now: 10_000))
    }

    @Test func onceItIsQuiet() {
        let release = MemoryRelease()
        for now in stride(from: Int64(0), through: 3_000, by: 100) {
            release.worked(now: now)
            #expect(!release.takeDue(now: now))
        }
        #expect(release.takeDue(now: 3_500))
        #expect(!release.takeDue(now: 10_000))
    }

    @Test func workDoesNotPutOffWhatABacklogHasLeft() {
        let release = MemoryRelease()
        release.caughtUp(now: 0)
        release.worked(now: 450)
        #expect(release.takeDue(now: 500))
        #expect(!release.takeDue(now: 10_000))
    }

    @Test func notAgainAndAgain() {
        let release = MemoryRelease()
        release.caughtUp(now: 0)
        #expect(release.takeDue(now: 600))
        release.caughtUp(now: 1_000)
        #expect(!release.takeDue(now: 2_599))
        #expect(release.takeDue(now: 2_600))
    }
}

@Suite struct FatalBackoffTests {
    @Test func theThirdInFiveMinutesExits() {
        var backoff = FatalBackoff()
        #expect(backoff.failed(now: 0) == .rebuild(after: 1_000))
        #expect(backoff.failed(now: 100_000) == .rebuild(after: 5_000))
        #expect(backoff.failed(now: 299_999) == .exit)
    }

    @Test func oldOnesAreForgotten() {
        var backoff = FatalBackoff()
        _ = backoff.failed(now: 0)
        _ = backoff.failed(now: 100_000)
        #expect(backoff.failed(now: 300_000) == .rebuild(after: 5_000))
    }

    @Test func theMessageNamesTheSharedInstance() {
        let failure = StreamFailure.repeatedFailures(last: "fenced", isFenced: true, instance: "host7")
        #expect(failure.description.contains("two processes share DESKBEAT_INSTANCE (host7)"))
    }
}

@Suite struct FormatTests {
    @Test func positionMetadata() {
        let plain = PositionMetadata(dirty: 0, clock: 1_763_795_211_000_000)
        #expect(plain.encoded() == #"{"dirty":0,"clock":1763795211000000}"#)
        let full = PositionMetadata(
            dirty: 7, clock: -1, isClean: true, attempt: .init(number: 2, span: 64), owner: "a\"b\\c\u{1}-0")
        #expect(PositionMetadata(parsing: full.encoded()) == full)
        #expect(PositionMetadata(parsing: plain.encoded()) == plain)
        #expect(PositionMetadata(parsing: "") == nil)
        #expect(PositionMetadata(parsing: "kcat was here") == nil)
        #expect(PositionMetadata(parsing: #"{"dirty":1,"clock":2,"new":[3]}"#) == PositionMetadata(dirty: 1, clock: 2))
    }

    @Test func clockRecords() {
        let task = ClockRecord.Task(service: "ticketing", stage: "entity", partition: 11)
        #expect(text(task.key) == "ticketing/entity/11")
        #expect(ClockRecord.Task(key: task.key) == task)
        for key in ["", "a/b", "a/b/c", "a/b/-1", "a/b/1/2"] {
            #expect(ClockRecord.Task(key: Array(key.utf8)) == nil, "\(key)")
        }
        let record = ClockRecord(clock: 5, degraded: true)
        #expect(ClockRecord(value: record.value) == record)
        #expect(ClockRecord(value: Array("{}".utf8)) == nil)
    }

    @Test func changelogMeta() {
        let meta = ChangelogMeta(partitions: 12)
        #expect(ChangelogMeta(value: meta.value) == meta)
        #expect(meta.conflict(with: meta, service: "s", changelog: "c") == nil)
        let hash = ChangelogMeta(partitions: 12, hash: "fnv")
        #expect(hash.conflict(with: meta, service: "s", changelog: "c")?.contains("fnv") == true)
        let format = ChangelogMeta(partitions: 12, format: 2)
        #expect(format.conflict(with: meta, service: "s", changelog: "c")?.contains("format 2") == true)
    }
}

@Suite struct TopicPlanTests {
    private let wanted = [
        TopicSpec.repartition("deskbeat.a.b", partitions: 4), .changelog("deskbeat.a.b.changelog", partitions: 4),
        .alerts("support.alerts", partitions: 4),
    ]

    @Test func whatIsMissingIsCreatedOnce() {
        let plan = TopicPlan(wanted: wanted + wanted, existing: [:])
        #expect(plan.missing == wanted)
        #expect(plan.refusal(.missing, Replication(factor: 1)) == nil)
    }

    @Test func neverSaysWhichCommandsCreateWhatIsMissing() {
        let refusal = TopicPlan(wanted: wanted, existing: [:]).refusal(.never, Replication(brokers: 3))
        #expect(
            refusal?.contains(
                "--topic deskbeat.a.b.changelog --partitions 4 --replication-factor 3 --config cleanup.policy=compact "
                    + "--config message.timestamp.type=LogAppendTime --config min.insync.replicas=2") == true)
        #expect(refusal?.contains("--config cleanup.policy=compact,delete ") == true)
    }

    @Test(arguments: [(1, 1, nil), (2, 1, nil), (3, 3, "2"), (9, 3, "2")] as [(Int, Int32, String?)])
    func topicsAreReplicatedWhereThereAreBrokersEnough(_ brokers: Int, _ factor: Int32, _ minimum: String?) {
        let topic = wanted[0].newTopic(Replication(brokers: brokers))
        #expect(topic.replicationFactor == factor)
        #expect(topic.configuration["min.insync.replicas"] == minimum)
        #expect(topic.configuration["cleanup.policy"] == "delete")
    }

    @Test func whatFitsIsLeftAlone() {
        let plan = TopicPlan(
            wanted: wanted,
            existing: [
                "deskbeat.a.b": ExistingTopic(partitions: 4, cleanup: "delete"),
                "deskbeat.a.b.changelog": ExistingTopic(partitions: 4, cleanup: "compact"),
                "support.alerts": ExistingTopic(partitions: 4, cleanup: "delete,compact"),
            ])
        #expect(plan.missing.isEmpty)
        #expect(plan.refusal(.never, Replication(factor: 1)) == nil)
    }

    @Test func whatDoesNotFitIsRefused() {
        let plan = TopicPlan(
            wanted: wanted,
            existing: [
                "deskbeat.a.b": ExistingTopic(partitions: 3, cleanup: "delete"),
                "deskbeat.a.b.changelog": ExistingTopic(partitions: 4, cleanup: "delete"),
                "support.alerts": ExistingTopic(partitions: 4, cleanup: nil),
            ])
        let refusal = plan.refusal(.missing, Replication(factor: 1))
        #expect(refusal?.contains("deskbeat.a.b has 3 partitions, not 4") == true)
        #expect(refusal?.contains("deskbeat.a.b.changelog has cleanup.policy=delete, not compact") == true)
        #expect(refusal?.contains("support.alerts") == false)
    }
}

@Suite struct StageStateTests {
    @Test func theStageIsAsFarAsItsSlowestThread() {
        #expect(StageState([.starting, .running(caughtUp: true)], failure: nil) == .starting)
        #expect(
            StageState(
                [
                    .restoring(progress: 0.5, records: 3), .running(caughtUp: true),
                    .restoring(progress: 0.25, records: 4),
                ], failure: nil) == .restoring(progress: 0.25, records: 7))
        #expect(
            StageState([.running(caughtUp: true), .running(caughtUp: false)], failure: nil)
                == .running(caughtUp: false))
        #expect(
            StageState([.running(caughtUp: true), .running(caughtUp: true)], failure: nil) == .running(caughtUp: true))
        #expect(
            StageState([.running(caughtUp: true)], silence: 30_000, failure: nil) == .stalled(seconds: 30))
        #expect(StageState([.stopped, .stopped], failure: nil) == .stopped(nil))
        #expect(StageState([.running(caughtUp: true)], failure: .incompatible("x")) == .stopped(.incompatible("x")))
    }
}
