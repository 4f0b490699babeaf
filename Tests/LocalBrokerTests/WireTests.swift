import LocalBroker
import NIOCore
import Testing

@Suite struct WireTests {
    @Test func checksumIsTheStandardOne() {
        // RFC 3720, appendix B.4.
        let zeros = [UInt8](repeating: 0, count: 32)
        let ones = [UInt8](repeating: 0xff, count: 32)
        let ascending = Array(0..<32 as Range<UInt8>)
        #expect(unsafe zeros.withUnsafeBytes { unsafe CRC32C.checksum($0) } == 0x8a91_36aa)
        #expect(unsafe ones.withUnsafeBytes { unsafe CRC32C.checksum($0) } == 0x62a8_ab43)
        #expect(unsafe ascending.withUnsafeBytes { unsafe CRC32C.checksum($0) } == 0x46dd_794e)
        let text = Array("123456789".utf8)
        #expect(unsafe text.withUnsafeBytes { unsafe CRC32C.checksum($0) } == 0xe306_9283)
        var parts = CRC32C()
        unsafe ascending[..<5].withUnsafeBytes { unsafe parts.update($0) }
        unsafe ascending[5...].withUnsafeBytes { unsafe parts.update($0) }
        #expect(parts.value == 0x46dd_794e)
        var random = Seeded(1)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            var table = CRC32C()
            unsafe bytes.withUnsafeBytes { unsafe table.updateByTable($0) }
            #expect(unsafe bytes.withUnsafeBytes { unsafe CRC32C.checksum($0) } == table.value)
        }
    }

    /// Every message of every version, filled at random, encoded and decoded is the same message, and nothing is left over.
    @Test func everyMessageOfEveryVersionRoundTrips() throws {
        for key in APIKey.allCases {
            for version in key.versions {
                for seed in 1...20 as ClosedRange<UInt64> {
                    try roundTrip(key, version, seed)
                }
            }
        }
    }

    private func roundTrip(_ key: APIKey, _ version: Int16, _ seed: UInt64) throws {
        switch key {
        case .produce: try roundTrip(ProduceRequest.self, ProduceResponse.self, key, version, seed)
        case .fetch: try roundTrip(FetchRequest.self, FetchResponse.self, key, version, seed)
        case .listOffsets: try roundTrip(ListOffsetsRequest.self, ListOffsetsResponse.self, key, version, seed)
        case .metadata: try roundTrip(MetadataRequest.self, MetadataResponse.self, key, version, seed)
        case .offsetCommit: try roundTrip(OffsetCommitRequest.self, OffsetCommitResponse.self, key, version, seed)
        case .offsetFetch: try roundTrip(OffsetFetchRequest.self, OffsetFetchResponse.self, key, version, seed)
        case .findCoordinator:
            try roundTrip(FindCoordinatorRequest.self, FindCoordinatorResponse.self, key, version, seed)
        case .joinGroup: try roundTrip(JoinGroupRequest.self, JoinGroupResponse.self, key, version, seed)
        case .heartbeat: try roundTrip(HeartbeatRequest.self, HeartbeatResponse.self, key, version, seed)
        case .leaveGroup: try roundTrip(LeaveGroupRequest.self, LeaveGroupResponse.self, key, version, seed)
        case .syncGroup: try roundTrip(SyncGroupRequest.self, SyncGroupResponse.self, key, version, seed)
        case .describeGroups: try roundTrip(DescribeGroupsRequest.self, DescribeGroupsResponse.self, key, version, seed)
        case .listGroups: try roundTrip(ListGroupsRequest.self, ListGroupsResponse.self, key, version, seed)
        case .apiVersions: try roundTrip(APIVersionsRequest.self, APIVersionsResponse.self, key, version, seed)
        case .createTopics: try roundTrip(CreateTopicsRequest.self, CreateTopicsResponse.self, key, version, seed)
        case .deleteTopics: try roundTrip(DeleteTopicsRequest.self, DeleteTopicsResponse.self, key, version, seed)
        case .deleteRecords: try roundTrip(DeleteRecordsRequest.self, DeleteRecordsResponse.self, key, version, seed)
        case .initProducerID: try roundTrip(InitProducerIDRequest.self, InitProducerIDResponse.self, key, version, seed)
        case .offsetForLeaderEpoch:
            try roundTrip(OffsetForLeaderEpochRequest.self, OffsetForLeaderEpochResponse.self, key, version, seed)
        case .addPartitionsToTxn:
            try roundTrip(AddPartitionsToTxnRequest.self, AddPartitionsToTxnResponse.self, key, version, seed)
        case .addOffsetsToTxn:
            try roundTrip(AddOffsetsToTxnRequest.self, AddOffsetsToTxnResponse.self, key, version, seed)
        case .endTxn: try roundTrip(EndTxnRequest.self, EndTxnResponse.self, key, version, seed)
        case .txnOffsetCommit:
            try roundTrip(TxnOffsetCommitRequest.self, TxnOffsetCommitResponse.self, key, version, seed)
        case .describeConfigs:
            try roundTrip(DescribeConfigsRequest.self, DescribeConfigsResponse.self, key, version, seed)
        case .alterConfigs: try roundTrip(AlterConfigsRequest.self, AlterConfigsResponse.self, key, version, seed)
        case .deleteGroups: try roundTrip(DeleteGroupsRequest.self, DeleteGroupsResponse.self, key, version, seed)
        case .describeLogDirs:
            try roundTrip(DescribeLogDirsRequest.self, DescribeLogDirsResponse.self, key, version, seed)
        case .createPartitions:
            try roundTrip(CreatePartitionsRequest.self, CreatePartitionsResponse.self, key, version, seed)
        case .offsetDelete:
            try roundTrip(OffsetDeleteRequest.self, OffsetDeleteResponse.self, key, version, seed)
        case .describeProducers:
            try roundTrip(DescribeProducersRequest.self, DescribeProducersResponse.self, key, version, seed)
        case .describeTransactions:
            try roundTrip(DescribeTransactionsRequest.self, DescribeTransactionsResponse.self, key, version, seed)
        case .listTransactions:
            try roundTrip(ListTransactionsRequest.self, ListTransactionsResponse.self, key, version, seed)
        case .incrementalAlterConfigs:
            try roundTrip(IncrementalAlterConfigsRequest.self, AlterConfigsResponse.self, key, version, seed)
        }
    }

    private func roundTrip<Question: WireStruct, Answer: WireStruct>(
        _: Question.Type, _: Answer.Type, _ key: APIKey, _ version: Int16, _ seed: UInt64
    ) throws {
        var filler = RandomFiller(version: version, random: Seeded(seed))
        var question = Question()
        try question.code(&filler)
        var answer = Answer()
        try answer.code(&filler)
        let flexible = key.isFlexible(version)
        let questionBytes = try encode(
            { (coder: inout WireEncoder) throws(WireError) in try question.code(&coder) }, version, flexible)
        let answerBytes = try encode(
            { (coder: inout WireEncoder) throws(WireError) in try answer.code(&coder) }, version, flexible)
        var decoder = WireDecoder(questionBytes, version: version, flexible: flexible)
        let decodedQuestion = try Request.decode(key, from: &decoder)
        #expect(decoder.remaining == 0)
        #expect(
            try encode(decodedQuestion.encode, version, flexible) == questionBytes, "\(key) \(version) seed \(seed)")
        decoder = WireDecoder(answerBytes, version: version, flexible: flexible)
        let decodedAnswer = try Response.decode(key, from: &decoder)
        #expect(decoder.remaining == 0)
        #expect(try encode(decodedAnswer.encode, version, flexible) == answerBytes, "\(key) \(version) seed \(seed)")
    }

    /// Gives every field of a message a random value.
    private struct RandomFiller: WireCoder {
        let version: Int16
        var random: Seeded

        private mutating func count() -> Int { Int.random(in: 0...2, using: &random) }
        private mutating func text() -> String {
            String(repeating: "ä", count: Int.random(in: 0...100, using: &random))
        }
        private mutating func number<Value: FixedWidthInteger>() -> Value { .random(in: .min ... .max, using: &random) }
        private mutating func data() -> ByteBuffer {
            ByteBuffer(repeating: number(), count: Int.random(in: 0...9000, using: &random))
        }

        mutating func bool(_ value: inout Bool) { value = Bool.random(using: &random) }
        mutating func int8(_ value: inout Int8) { value = number() }
        mutating func int16(_ value: inout Int16) { value = number() }
        mutating func int32(_ value: inout Int32) { value = number() }
        mutating func int64(_ value: inout Int64) { value = number() }
        mutating func string(_ value: inout String) { value = text() }
        mutating func nullableString(_ value: inout String?) { value = Bool.random(using: &random) ? text() : nil }
        mutating func bytes(_ value: inout ByteBuffer) { value = data() }
        mutating func records(_ value: inout ByteBuffer?) { value = Bool.random(using: &random) ? data() : nil }
        mutating func int32s(_ value: inout [Int32]) { value = (0..<count()).map { _ in number() } }
        mutating func strings(_ value: inout [String]) { value = (0..<count()).map { _ in text() } }

        mutating func nullableStrings(_ value: inout [String]?) {
            value = Bool.random(using: &random) ? (0..<count()).map { _ in text() } : nil
        }

        mutating func array<Element: WireStruct>(_ value: inout [Element]) throws(WireError) {
            value = []
            for _ in 0..<count() {
                var element = Element()
                try element.code(&self)
                value.append(element)
            }
        }

        mutating func nullableArray<Element: WireStruct>(_ value: inout [Element]?) throws(WireError) {
            var elements: [Element] = []
            try array(&elements)
            value = Bool.random(using: &random) ? elements : nil
        }

        mutating func tags() {}
    }

    @Test func unknownTaggedFieldsAreSkipped() throws {
        // ApiVersions 3: name, version, then two tagged fields that nobody knows.
        let bytes: [UInt8] = [2, 0x61, 2, 0x62, 2, 5, 1, 0xff, 9, 2, 1, 2]
        var decoder = WireDecoder(ByteBuffer(bytes: bytes), version: 3, flexible: true)
        guard case .apiVersions(let request) = try Request.decode(.apiVersions, from: &decoder) else { return }
        #expect(request.clientSoftwareName == "a")
        #expect(decoder.remaining == 0)
    }

    private func encode(
        _ body: (inout WireEncoder) throws(WireError) -> Void, _ version: Int16, _ flexible: Bool
    ) throws -> ByteBuffer {
        var encoder = WireEncoder(version: version, flexible: flexible)
        try body(&encoder)
        var all = ByteBuffer()
        for part in encoder.finish() { all.writeImmutableBuffer(part) }
        return all
    }

    @Test func lengthsAreCheckedBeforeAllocation() {
        func refuses(_ bytes: [UInt8], flexible: Bool, _ expected: WireError) {
            var decoder = WireDecoder(ByteBuffer(bytes: bytes), version: 0, flexible: flexible)
            #expect(throws: expected) {
                var strings: [String] = []
                try decoder.strings(&strings)
            }
        }
        refuses([0x7f, 0xff, 0xff, 0xff, 0, 0], flexible: false, .lengthExceedsFrame(0x7fff_ffff))
        refuses([0xff, 0xff, 0xff, 0xfe], flexible: false, .negativeLength(-2))
        refuses([0xff, 0xff, 0xff, 0xff, 0x0f, 0], flexible: true, .lengthExceedsFrame(0xffff_fffe))
        refuses([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], flexible: true, .malformedVarint)
        refuses([0, 0, 0, 1, 0, 2, 0xff, 0xff], flexible: false, .notUTF8)
        refuses([0, 0, 0, 1, 0, 5, 0x41], flexible: false, .lengthExceedsFrame(5))
        var many = WireDecoder(ByteBuffer(repeating: 1, count: 1_100_000), version: 0, flexible: true)
        var head = ByteBuffer(bytes: [0xc1, 0xf5, 0x3d])  // 1,014,464 elements
        head.writeBytes([UInt8](repeating: 1, count: 1_100_000))
        many = WireDecoder(head, version: 0, flexible: true)
        #expect(throws: WireError.tooManyElements(1_014_464)) {
            var strings: [String] = []
            try many.strings(&strings)
        }
    }

    @Test func recordsRoundTrip() throws {
        var builder = RecordBatchBuilder(timestamp: 1_000, producerID: 5, producerEpoch: 2, baseSequence: 9)
        let records = [
            LogRecord(key: nil, value: nil),
            LogRecord(key: [], value: [1, 2, 3], headers: [.init(name: "h", value: nil), .init(name: "", value: [])]),
            LogRecord(key: Array(repeating: 7, count: 300), value: [], timestampDelta: -5),
        ]
        for record in records { builder.append(record) }
        let batch = builder.finish()
        let header = try #require(RecordBatchHeader(batch, at: 0))
        #expect(header.batchByteCount == batch.readableBytes)
        #expect(header.count == 3)
        #expect(header.lastSequence == 11)
        let read = try #require(RecordBatchHeader.records(in: batch))
        #expect(read.map(\.key) == records.map(\.key))
        #expect(read.map(\.value) == records.map(\.value))
        #expect(read.map(\.headers) == records.map(\.headers))
        #expect(read.map(\.timestampDelta) == [0, 0, -5])
        #expect(read.map(\.offsetDelta) == [0, 1, 2])
    }
}
