import SLAMonitor
import ServiceKit
import Testing

/// The stored form of what customers are told.
@Suite struct CustomerFactTests {
    private static let start: Int64 = 1_767_603_600_000_000

    private static let verdicts = CustomerFact.Verdict.Outcome.allCases.flatMap { outcome in
        ["first_response", "answer", "resolution~ola", "a metric of another version"].flatMap { promise in
            [start, start + 900_000_000, start - 1, .max, 0].map { at in
                CustomerFact.Verdict(promise: promise, cycle: 3, outcome: outcome, at: at)
            }
        }
    }

    @Test(arguments: verdicts) func comesBack(_ verdict: CustomerFact.Verdict) throws {
        let bytes = CustomerFact.encoded(verdict, since: Self.start)
        #expect(try CustomerFact.verdict(bytes, since: Self.start) == verdict)
    }

    /// As versions wrote it that spelled the name and the time out.
    @Test(arguments: verdicts) func theFormerFormIsRead(_ verdict: CustomerFact.Verdict) throws {
        var bytes = [verdict.outcome.rawValue]
        bytes.appendVarint(UInt64(verdict.cycle))
        bytes.appendSignedVarint(verdict.at)
        bytes.append(contentsOf: verdict.promise.utf8)
        #expect(try CustomerFact.verdict(bytes, since: Self.start) == verdict)
    }

    @Test func aNewerFormIsRefused() {
        #expect(throws: (any Error).self) { try CustomerFact.verdict([4], since: 0) }
        #expect(throws: (any Error).self) { try CustomerFact.verdict([0x11, 200, 1, 0], since: 0) }
    }
}
