import Deskbeat
import Foundation
import Kafka
import Testing

@Suite struct KPIKeyTests {
    @Test func isTakenApart() throws {
        let key = try #require(KPIKey("first_response_time/hour;channel=email;team=R%26D%20%3B1@2026-11-22T09+01:00"))
        #expect(key.kpi == "first_response_time")
        #expect(key.window == "hour")
        #expect(key.cell.map(\.dimension) == ["channel", "team"])
        #expect(key.cell.map(\.value) == ["email", "R&D ;1"])
        #expect(key.bucket == "2026-11-22T09+01:00")
        #expect(key.cellText == "channel=email, team=R&D ;1")
        let gauge = try #require(KPIKey("backlog_open/now"))
        #expect((gauge.window, gauge.bucket, gauge.cell.count) == ("now", nil, 0))
        #expect(KPIKey("nps/7d;team=a")?.bucket == nil)
    }

    @Test(arguments: [
        "ticket/T-1/first_response/1/breached", "contact/c/answer/1/fulfilled", "source/x", "", "kpi",
        "first_response_time/day@2026-11-22#goal#1", "/day", "kpi/day;broken",
    ])
    func otherKeysAreNone(text: String) { #expect(KPIKey(text) == nil) }

    @Test func filters() throws {
        let key = try #require(KPIKey("csat/day;channel=email;priority=urgent@2026-11-22"))
        #expect(KPIFilter().accepts(key))
        #expect(KPIFilter(kpis: ["nps", "csat"], windows: ["day"], cell: [("priority", "urgent")]).accepts(key))
        #expect(!KPIFilter(kpis: ["nps"]).accepts(key))
        #expect(!KPIFilter(windows: ["week"]).accepts(key))
        #expect(!KPIFilter(cell: [("priority", "urgent"), ("channel", "chat")]).accepts(key))
    }

    @Test func theBroadestSeriesHaveTheFewestDimensions() throws {
        let keys = try [
            "csat/day;channel=email@2026-11-22", "csat/day@2026-11-22", "csat/week;team=a@2026-W47",
            "survey_response_rate/day;kind=nps;team=a@2026-11-22", "survey_response_rate/day;kind=nps@2026-11-22",
            "survey_response_rate/day;kind=csat@2026-11-22", "survey_response_rate/day;kind=csat;team=b@2026-11-22",
        ].map { try #require(KPIKey($0)) }
        for order in [keys, keys.reversed()] {
            var broadest = BroadestSeries()
            let admitted = order.filter { broadest.admits($0) }
            #expect(Set(admitted.filter { broadest.contains($0) }.map(\.cellText)) == ["", "kind=nps", "kind=csat"])
            #expect(order.filter { broadest.contains($0) }.allSatisfy { admitted.contains($0) })
        }
    }
}

@Suite struct KPITableTests {
    private func update(_ key: String, _ data: String) -> (String, [UInt8]) {
        (key, Array(#"{"specversion":"1.0","type":"deskbeat.kpi.updated","subject":"\#(key)","data":{\#(data)}}"#.utf8))
    }

    private var latest: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: [
            update(
                "first_response_time/day@2026-11-22",
                #""kpi":"first_response_time","unit":"seconds","window":{"kind":"day","start":"2026-11-22T00:00:00+01:00","closed":false},"value":1312.4,"count":118,"quantiles":{"p50":702.0,"p90":3120.0},"goal":{"target":3600,"comparison":"<=","statistic":"p90","met":true},"settled":true"#
            ),
            update(
                "first_response_time/day@2026-11-21",
                #""unit":"seconds","window":{"kind":"day","start":"2026-11-21T00:00:00+01:00"},"value":null,"count":0"#),
            // The hour that the clock shows twice: the later one has the smaller offset.
            update(
                "volume/hour@2026-10-25T02+02:00",
                #""unit":"count","window":{"kind":"hour","start":"2026-10-25T02:00:00+02:00"},"value":3"#),
            update(
                "volume/hour@2026-10-25T02+01:00",
                #""unit":"count","window":{"kind":"hour","start":"2026-10-25T02:00:00+01:00"},"value":4"#),
            update(
                "reopen_rate/7d",
                #""unit":"proportion","window":{"kind":"7d"},"value":0.125,"numerator":1,"denominator":8,"interval":{"low":0.02,"high":0.47,"confidence":0.95},"small_sample":true,"settled":false"#
            ),
            update(
                "mrr/now",
                #""unit":"money","currency":"EUR","window":{"kind":"now","at":"2026-11-22T00:00:00Z"},"value":"1250.00""#
            ),
            ("ticket/T/first_response/1/breached", Array("{}".utf8)),
        ])
    }

    @Test func showsTheNewestWindowInUnitsOfPeople() {
        let lines = KPITable.table(KPITable.rows(latest, last: 1)).lines(for: .output)
        #expect(lines.count == 5)
        #expect(lines[1].hasPrefix("first_response_time  day     2026-11-22"))
        #expect(lines[1].contains("21 min 52 s  118  11 min 42 s  52 min  p90 <= 1 h"))
        #expect(lines[2].hasPrefix("mrr") && lines[2].contains("1250.00 EUR"))
        #expect(lines[3].contains("12.5 %") && lines[3].hasSuffix("2 % to 47 %, small sample, not settled"))
        #expect(lines[4].contains("2026-10-25T02+01:00"))
    }

    @Test func historyAndMissingValues() {
        let rows = KPITable.rows(latest, last: 7).filter { $0.key.kpi == "first_response_time" }
        #expect(rows.map(\.key.bucket) == ["2026-11-22", "2026-11-21"])
        #expect(rows.map(\.update.valueText) == ["21 min 52 s", "–"])
    }

    @Test func alertLines() throws {
        let value =
            #"{"type":"deskbeat.sla.breached","time":"2026-11-22T09:15:00Z","subject":"ticket/1","data":{"severity":"critical","state":"firing","summary":"Ticket 1 is late","historical":true}}"#
        #expect(
            try #require(AlertLine(Array(value.utf8))).text(.output)
                == "2026-11-22T09:15:00Z  sla.breached  critical  Ticket 1 is late  (historical)")
        #expect(AlertLine(Array("[]".utf8)) == nil)
    }
}

@Suite struct SampleTests {
    private static let now: Int64 = 1_795_000_000_000_000

    @Test func isTheSameForTheSameSeed() {
        var one = SampleHelpdesk(now: Self.now, seed: 7)
        var two = SampleHelpdesk(now: Self.now, seed: 7)
        var other = SampleHelpdesk(now: Self.now, seed: 8)
        let events = one.events(tickets: 50, hours: 24).map(\.json)
        #expect(events == two.events(tickets: 50, hours: 24).map(\.json))
        #expect(Set(events).isDisjoint(with: other.events(tickets: 50, hours: 24).map(\.json)))
    }

    /// Judged by ingest's own decoder.
    @Test func isValidAndBelievable() throws {
        var helpdesk = SampleHelpdesk(now: Self.now, seed: 1)
        let events = helpdesk.events(tickets: 400, hours: 24)
        let replayed = events.map { ReplayEvent(key: nil, value: $0.json, time: $0.time) }
        #expect(EventJudge(now: Self.now).refused(replayed).isEmpty)
        #expect(events.map(\.time) == events.map(\.time).sorted())
        #expect(events.allSatisfy { $0.time <= Self.now && $0.time > Self.now - 86_400_000_000 })
        var types: [String: Int] = [:]
        var ids: Set<String> = []
        var solves: [String: Int] = [:]
        for event in replayed {
            let event = try object(event)
            types[try #require(event["type"] as? String), default: 0] += 1
            #expect(ids.insert(try #require(event["id"] as? String)).inserted)
            let data = try #require(event["data"] as? [String: Any])
            if data["status"] as? String == "solved" {
                solves[try #require(data["ticket_id"] as? String), default: 0] += 1
            }
        }
        #expect(types["support.ticket.created"] == 400)
        #expect(types["support.ticket.message", default: 0] > 400)
        #expect((200..<400).contains(solves.count))
        #expect(solves.values.contains(2))
    }
}

@Suite struct DoctorTests {
    @Test func clock() {
        #expect(ClockCheck.finding(stamp: 100_500, before: 100.2, after: 100.9).grade == .ok)
        // Cut to the millisecond, the stamp may seem to lie before the sending.
        #expect(ClockCheck.finding(stamp: 100_200, before: 100.2005, after: 100.3).text == "as the broker's")
        let behind = ClockCheck.finding(stamp: 90_000, before: 100, after: 101)
        #expect(behind.grade == .warn && behind.text == "the broker's is 10 s behind")
        #expect(ClockCheck.finding(stamp: 200_000, before: 100, after: 101).grade == .fail)
    }

    @Test func diskAndTimeZones() throws {
        #expect(MachineChecks.disk(free: 50 << 30, place: "/", isWritable: true).grade == .ok)
        #expect(MachineChecks.disk(free: 1 << 30, place: "/", isWritable: true).grade == .warn)
        #expect(MachineChecks.disk(free: 1 << 20, place: "/", isWritable: true).grade == .fail)
        #expect(MachineChecks.disk(free: 50 << 30, place: "/", isWritable: false).grade == .fail)
        let directory = try TemporaryDirectory()
        #expect(MachineChecks.timeZones(in: directory.path).grade == .fail)
        try FileManager.default.createDirectory(atPath: directory.path + "/Europe", withIntermediateDirectories: true)
        _ = try directory.file("Europe/Berlin", "TZif")
        _ = try directory.file("tzdata.zi", "# version 2024a\nrest")
        #expect(MachineChecks.timeZones(in: directory.path).text == "2024a")
    }

    @Test func replication() {
        typealias Copies = ReplicationCheck.Copies
        func grades(_ copies: Copies..., brokers: Int = 3) -> [Finding.Grade] {
            ReplicationCheck.findings(copies, brokers: brokers).map(\.grade)
        }
        #expect(grades(Copies(topic: "t", replicas: 3, inSync: 3, minimum: 2)) == [.ok])
        #expect(grades(Copies(topic: "t", replicas: 1, inSync: 1, minimum: 1), brokers: 1) == [.warn])
        // One replica where there could be three; a record on one broker counts as durable.
        #expect(grades(Copies(topic: "t", replicas: 1, inSync: 1, minimum: 1)) == [.warn])
        #expect(grades(Copies(topic: "t", replicas: 3, inSync: 3, minimum: 1)) == [.warn])
        // A broker is down: writes go on, or are refused.
        #expect(grades(Copies(topic: "t", replicas: 3, inSync: 2, minimum: 2)) == [.warn])
        #expect(grades(Copies(topic: "t", replicas: 3, inSync: 1, minimum: 2)) == [.fail])
        #expect(grades(Copies(topic: "t", replicas: 3, inSync: 3, minimum: 3)) == [.fail])
        let two = ReplicationCheck.findings(
            [
                Copies(topic: "b", replicas: 3, inSync: 1, minimum: 2),
                Copies(topic: "a", replicas: 3, inSync: 1, minimum: 2),
            ], brokers: 3)
        #expect(two.map(\.text) == ["2 topics have fewer replicas in step than min.insync.replicas: a, b"])
    }

    @Test func backlogAndDeadLetters() {
        func lag(_ stage: String, _ end: Int64, _ position: Int64?) -> IdleLag {
            IdleLag(
                stage: stage, partition: TopicPartition(topic: "t", partition: 0), end: end, position: position,
                dirty: 0)
        }
        #expect(
            BacklogCheck.findings([lag("a/b", 10, 8), lag("a/c", 5, 5)]).map(\.text) == [
                "2 stages, 2 records to be read"
            ])
        #expect(BacklogCheck.findings([lag("a/b", 0, nil)]).map(\.grade) == [.ok])
        #expect(BacklogCheck.findings([lag("a/b", 10, nil)]).map(\.grade) == [.warn])
        let behind = BacklogCheck.findings([lag("a/b", 90_000, 0), lag("a/b", 90_000, 0)])
        #expect(behind.map(\.grade) == [.warn] && behind[0].text.hasPrefix("a/b is "))
        #expect(DeadLetterCheck.finding(kept: 0, recent: 0, topic: "d").grade == .ok)
        #expect(DeadLetterCheck.finding(kept: 3, recent: 0, topic: "d").grade == .ok)
        #expect(DeadLetterCheck.finding(kept: 3, recent: 2, topic: "d").grade == .warn)
    }

    @Test func findingsSayWhatToDo() {
        let finding = Finding("disk", .warn, "1 GiB free", advice: "make room")
        #expect(finding.lines(for: .output) == ["warn  disk          1 GiB free", "                    → make room"])
    }
}
