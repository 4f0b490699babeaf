import BusinessTime
import KPIs
import Testing

@Suite struct DefinitionTests {
    @Test func cellKeysAreSortedAndEncoded() throws {
        let key = CellKey([("team", "Kündigung; a=b"), ("channel", "email")])
        #expect(key.text == "channel=email;team=K%C3%BCndigung%3B%20a%3Db")
        #expect(key.dimensions.map(\.name) == ["channel", "team"])
        #expect(key.dimensions.map(\.value) == ["email", "Kündigung; a=b"])
        #expect(CellKey(bytes: key.bytes) == key)
        #expect(CellKey.overall.bytes.isEmpty)
        #expect(CellKey.overall.partitionKey == Array("~".utf8))
        #expect(key.partitionKey == key.bytes)
        #expect(CellKey([("category", "~other")]).text == "category=~other")
        #expect(CellKey([("empty", "")]).dimensions.map(\.value) == [""])
    }

    @Test(arguments: ["a", "=b", "a=b=c", "a=%2", "a=%zz", "a=b;", ";", "a=b c", "a=%FF"])
    func whatIsNoCellIsRefused(text: String) {
        #expect(CellKey(bytes: Array(text.utf8)) == nil)
    }

    @Test func cellTablesGiveEachKeyOneNumber() {
        var table = CellTable()
        let keys = [CellKey.overall] + (0..<1_000).map { CellKey([("agent", "A-\($0)")]) }
        let numbers = keys.map { table.intern($0) }
        #expect(numbers == Array(0...1_000))
        #expect(keys.map { table.intern($0) } == numbers)
        let tilde = Array("~".utf8)
        #expect(unsafe table.intern(tilde.span.bytes) == 0)
        for (key, number) in zip(keys, numbers) {
            #expect(Array(table.key(of: number)) == key.bytes)
            table.withPartitionKey(of: number) { #expect(bytes($0) == key.partitionKey) }
        }
    }

    @Test func theCatalogueKnowsTheSmallestBucketThatIsNeeded() throws {
        let all = try Sample.catalogue()
        #expect(all.baseBucket(of: Sample.created) == .hour)
        #expect(all.baseBucket(of: Sample.openNow) == BaseBucket.none)
        let days = try Sample.catalogue(
            only: ["first_response_time", "resolution_time", "backlog_open"], windows: .day)
        #expect(days.baseBucket(of: Sample.firstResponse) == .day)
        #expect(days.baseBucket(of: Sample.firstResponseOpen) == .day)
        #expect(days.baseBucket(of: Sample.created) == nil)
        #expect(days.baseBucket(of: Sample.openNow) == BaseBucket.none)
        let rolling = try Sample.catalogue(windows: WindowSet(.rolling24Hours))
        #expect(rolling.baseBucket(of: Sample.created) == .hour)
        #expect(rolling.baseBucket(of: Sample.backlog) == nil)
    }

    @Test func contradictionsAreRefused() {
        let duration = KPIFormula.duration(Sample.created, quantiles: true)
        let cases: [([KPIDefinition], KPICatalogue.Mistake)] = [
            (
                [KPIDefinition(code: 1, id: "a", unit: .seconds, formula: duration, windows: .day)],
                .wrongMeasure(kpi: "a", measure: "created")
            ),
            (
                [KPIDefinition(code: 1, id: "a", unit: .gauge, formula: .level(Sample.backlog), windows: .month)],
                .wrongWindows(kpi: "a")
            ),
            ([Sample.definitions[0], Sample.definitions[0]], .duplicateCode(1)),
            (
                [
                    Sample.definitions[0],
                    KPIDefinition(
                        code: 99, id: "tickets_created", unit: .count, formula: .count(Sample.solved), windows: .day),
                ], .duplicateName("tickets_created")
            ),
            (
                [
                    Sample.definitions[0],
                    KPIDefinition(
                        code: 99, id: "b", unit: .count, formula: .count(Measure(id: 1, "other", .count)), windows: .day
                    ),
                ], .duplicateMeasure(1)
            ),
        ]
        for (definitions, mistake) in cases {
            #expect(throws: mistake) { try KPICatalogue(definitions) }
        }
        #expect(throws: KPICatalogue.Mistake.unknownName("csat")) { try Sample.catalogue(only: ["csat"]) }
    }

    @Test func theAccumulatorRefusesWhatItCannotHold() throws {
        let catalogue = try Sample.catalogue()
        var accumulator = DeltaAccumulator(catalogue)
        func add(_ measure: UInt16, _ value: Int64, _ weight: Int64) throws(KPIError) {
            try accumulator.add(
                set: 0, measure: measure, base: .day, bucket: 1, value: value, weight: weight, at: 0)
        }
        var records = 0
        func drain() throws(KPIError) { try accumulator.drain(cellsOf: { [$0] }) { _, _ in records += 1 } }
        #expect(throws: KPIError.negativeDuration(measure: 7)) { try add(7, -1, 1) }
        #expect(throws: KPIError.unknownMeasure(999)) { try add(999, 1, 1) }
        #expect(throws: KPIError.overflow(measure: 9)) { try add(9, .max, 2) }
        #expect(throws: KPIError.overflow(measure: 1)) { try add(1, 1, Int64(Int32.max) + 1) }
        try drain()
        #expect(records == 0, "what was refused has left nothing")
        // On the way a sum may be as great as it likes.
        for weight: Int64 in [1, -1] {
            try add(9, .max, weight)
            try add(9, 1, weight)
            try add(1, 1, weight * Int64(Int32.max))
            try add(1, 1, weight)
        }
        try drain()
        #expect(records == 0, "it has cancelled out")
        try add(9, .max, 1)
        try add(9, 1, 1)
        #expect(throws: KPIError.overflow(measure: 9)) { try drain() }
        let isEmpty = accumulator.isEmpty
        #expect(isEmpty)
    }

    @Test func sumsThatOverflowInTheStoreAreErrors() throws {
        var series = Series(try Sample.catalogue())
        let time = try instant("2026-11-22T12:00:00Z")
        let huge = Contribution(cell: .overall, measure: Sample.resolution, instant: time, value: .max)
        try series.take([huge])
        #expect(throws: KPIError.overflow(measure: 9)) { try series.take([huge]) }
        series.store.rollBack()
    }
}
