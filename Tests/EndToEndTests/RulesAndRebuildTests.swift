import Foundation
import Testing

/// Rules change and state is rebuilt under a running installation of real processes.
@Suite(.serialized) struct RulesAndRebuildTests {
    /// So that there are facts which a rebuild must not publish again.
    private static let promises = """
        calendars: {always: {always: true}}
        policies:
          - {id: all, calendar: always, metrics: {first_response: {target: 10m}, resolution: {target: 4h}}}

        """

    private struct Update: Decodable {
        struct Content: Decodable {
            struct Window: Decodable {
                var kind: String
                var closed: Bool?
                var start: String?
            }
            var value: Double?
            var count: Int?
            var window: Window
            var rules_version: Int
        }
        var subject: String
        var sequence: String
        var data: Content
    }

    private func updates(_ installation: Installation, _ name: String) async throws -> [String: Update] {
        try read(try await installation.kpis(name))
    }

    private func read(_ file: URL) throws -> [String: Update] {
        var updates: [String: Update] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            // Money is text, and is not looked at here.
            guard let update = try? JSONDecoder().decode(Update.self, from: Data(line.utf8)) else { continue }
            updates[update.subject] = update
        }
        return updates
    }

    /// Each subject's versions and sequences, in the order in which a `read_committed` consumer sees them, never fall.
    private func expectNothingFalls(_ installation: Installation) async throws {
        let file = installation.folder.appendingPathComponent("alerts.ndjson").path
        try await installation.read(["alerts"], into: file)
        let verdict = try await installation.execute(
            "python3",
            [
                "-c",
                """
                import json, sys
                ids, last, versions = set(), {}, {}
                for line in open(sys.argv[1]):
                    update = json.loads(line)
                    assert update["id"] not in ids, update["id"]
                    ids.add(update["id"])
                    if update["type"] != "deskbeat.kpi.updated": continue
                    sequence, version = int(update["sequence"]), update["data"]["rules_version"]
                    assert sequence == last.get(update["subject"], 0) + 1, (update["subject"], sequence)
                    assert version >= versions.get(update["subject"], 0), update["subject"]
                    last[update["subject"]], versions[update["subject"]] = sequence, version
                print(len(ids) > 0)
                """, file,
            ])
        #expect(verdict == "True\n")
    }

    private func file(_ installation: Installation, _ name: String) -> String {
        installation.folder.appendingPathComponent(name).path
    }

    /// Keys of the SLA facts in a file of alerts.
    private func facts(in path: String) throws -> Set<String> {
        var keys: Set<String> = []
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        where line.contains("\"type\":\"deskbeat.sla.") {
            let fact = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            if let key = fact?["subject"] as? String { keys.insert(key) }
        }
        return keys
    }

    @Test func aNewVersionReachesEveryOutputAndLeavesEndedWindowsAlone() async throws {
        let rules = OrderAndKillTests.rules
        try await Installation.run(rules: rules + "timezone: UTC\n") { installation in
            try await installation.deskbeat("sample").write(
                to: installation.folder.appendingPathComponent("events.ndjson"), atomically: true, encoding: .utf8)
            let events = installation.folder.appendingPathComponent("events.ndjson").path
            try await installation.deskbeat("replay", events)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let before = try await updates(installation, "before.ndjson")
            #expect(!before.isEmpty)
            #expect(before.values.allSatisfy { $0.data.rules_version == 1 })

            let file = installation.folder.appendingPathComponent("next.yaml").path
            try (rules + "timezone: Asia/Kolkata\n").write(toFile: file, atomically: true, encoding: .utf8)
            let difference = try await installation.deskbeat("rules", "diff", file)
            #expect(difference.contains("~ timezone: UTC -> Asia/Kolkata"))
            let applied = try await installation.deskbeat("rules", "apply", file)
            #expect(applied.contains("is now version 2"))
            #expect(try await installation.deskbeat("rules", "apply", file).contains("is version 2 already"))
            // A service that starts again goes on with the newest version, not with the file that `up` was given.
            #expect(try installation.kill("ticketing"))
            try await installation.deskbeat("wait-idle", "--timeout", "240")

            let after = try await updates(installation, "after.ndjson")
            for (subject, update) in before where update.data.window.closed == true && !subject.hasPrefix("backlog") {
                guard subject.hasPrefix("tickets_") || subject.hasPrefix("first_response_time/") else { continue }
                #expect(after[subject]?.sequence == update.sequence, "\(subject)")
                #expect(after[subject]?.data.rules_version == 1, "\(subject)")
            }
            let open = after.values.filter { $0.data.window.closed == false && $0.data.rules_version == 2 }
            #expect(!open.isEmpty)
            #expect(open.contains { $0.data.window.start?.hasSuffix("+05:30") == true })
            try await expectNothingFalls(installation)
        }
    }

    /// Hours of the built-in rules, which are those of UTC, are none of the new time zone.
    @Test func theFirstVersionBringsATimeZone() async throws {
        try await Installation.run(rules: nil) { installation in
            let events = file(installation, "events.ndjson")
            try await installation.deskbeat("sample").write(toFile: events, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", events)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let rules = file(installation, "rules.yaml")
            try "timezone: Asia/Kolkata\n".write(toFile: rules, atomically: true, encoding: .utf8)
            #expect(try await installation.deskbeat("rules", "apply", rules).contains("is now version 1"))
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            // Something was said of such an hour under the new version, so that the audit has something to judge.
            let after = try await updates(installation, "after.ndjson")
            #expect(after.contains { $0.key.hasSuffix("+00:00") && $0.value.data.rules_version == 1 })
            try await installation.expectAuditFindsNothing(["ticketing"])
        }
    }

    @Test func aRebuiltStateSaysTheSameAndPublishesOnlyWhatDiffers() async throws {
        try await Installation.withFolder { installation in
            let events = installation.folder.appendingPathComponent("events.ndjson")
            try await installation.up(rules: OrderAndKillTests.rules + Self.promises) { installation in
                try await installation.deskbeat("sample").write(to: events, atomically: true, encoding: .utf8)
                try await installation.deskbeat("replay", events.path)
                try await installation.deskbeat("wait-idle", "--timeout", "240")
                _ = try await updates(installation, "before.ndjson")
                try await expectNothingFalls(installation)
                try await installation.execute(
                    "mv", [file(installation, "alerts.ndjson"), file(installation, "alerts-before.ndjson")])
            }
            let rebuilds = ["ticketing", "sla-monitor", "satisfaction", "churn-revenue"].flatMap { ["--rebuild", $0] }
            try await installation.up(options: rebuilds) { installation in
                try await installation.deskbeat("wait-idle", "--timeout", "240")
                let before = try read(installation.folder.appendingPathComponent("before.ndjson"))
                let after = try await updates(installation, "after.ndjson")
                #expect(Set(after.keys).isSuperset(of: before.keys))
                for (subject, update) in before where after[subject]?.data.window.closed == update.data.window.closed {
                    guard subject.contains("@") else { continue }
                    #expect(after[subject]?.sequence == update.sequence, "\(subject)")
                }
                try await expectNothingFalls(installation)
                let known = try facts(in: file(installation, "alerts-before.ndjson"))
                #expect(!known.isEmpty)
                #expect(try known.isSubset(of: facts(in: file(installation, "alerts.ndjson"))))
                #expect(try facts(in: file(installation, "alerts.ndjson")).allSatisfy { !$0.contains("/retracted-") })
                #expect(try await installation.deskbeat("topics").contains("deskbeat.ticketing.g2.series.changelog"))
                let verdict = try await installation.execute(
                    "python3",
                    [
                        OrderAndKillTests.reference, events.path,
                        installation.folder.appendingPathComponent("after.ndjson").path,
                    ])
                #expect(verdict.hasSuffix(" values, 0 differences\n"), "\(verdict)")
            }
        }
    }

    /// Versions come while events flow and every process dies: each event counts once, under the newest rules where its window
    /// was open.
    @Test func versionsComeWhileEverythingIsKilled() async throws {
        let rules = OrderAndKillTests.rules + Self.promises
        try await Installation.run(rules: rules) { installation in
            let lines = try await installation.deskbeat("sample").split(separator: "\n")
            let zones = Self.zones
            for (part, zone) in zones.enumerated() {
                let events = file(installation, "events-\(part).ndjson")
                let share = lines.indices.filter { $0 % zones.count == part }.map { lines[$0] }
                try (share.joined(separator: "\n") + "\n").write(toFile: events, atomically: true, encoding: .utf8)
                try await installation.deskbeat("replay", events)
                let next = file(installation, "rules-\(part).yaml")
                try (rules + "timezone: \(zone)\n").write(toFile: next, atomically: true, encoding: .utf8)
                #expect(try await installation.deskbeat("rules", "apply", next).contains("is now version \(part + 2)"))
                for name in ["ticketing", "sla-monitor", "broker"] { _ = try installation.kill(name) }
            }
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let after = try await updates(installation, "after.ndjson")
            #expect(
                after.values.contains { $0.data.rules_version == zones.count + 1 && $0.data.window.closed == false })
            try await expectNothingFalls(installation)
            try await installation.expectAuditFindsNothing(["ticketing", "sla-monitor"])
            // While events are still to come, facts are taken back because of those that come late. Now all are there, and the
            // promises do not change with the next version: nobody is told anything else about them.
            let known = try facts(in: file(installation, "alerts.ndjson"))
            #expect(!known.isEmpty)
            let last = file(installation, "rules-last.yaml")
            try (rules + "timezone: America/New_York\n").write(toFile: last, atomically: true, encoding: .utf8)
            #expect(try await installation.deskbeat("rules", "apply", last).contains("is now version 5"))
            for name in ["ticketing", "sla-monitor", "broker"] { _ = try installation.kill(name) }
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            try await expectNothingFalls(installation)
            let now = try facts(in: file(installation, "alerts.ndjson"))
            #expect(now.isSuperset(of: known))
            #expect(now.subtracting(known).allSatisfy { !$0.contains("/retracted-") })
        }
    }

    /// The date of the first two is never the same: a day that has ended in the first one's zone is open again in the second's.
    private static let zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"]

    /// A day that was published as closed, and is open under the next version of the rules, says so, and nothing is wrong with that.
    @Test func aDayThatHadEndedIsOpenAgainFurtherWest() async throws {
        try await Installation.run(rules: "timezone: \(Self.zones[0])\n") { installation in
            let events = file(installation, "events.ndjson")
            // Two days, so that the one that has ended and is open again has events at every hour of the test.
            try await installation.deskbeat("sample", "--hours", "48").write(
                toFile: events, atomically: true, encoding: .utf8)
            try await installation.deskbeat("replay", events)
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let before = try await updates(installation, "before.ndjson")
            let rules = file(installation, "rules.yaml")
            try "timezone: \(Self.zones[1])\n".write(toFile: rules, atomically: true, encoding: .utf8)
            #expect(try await installation.deskbeat("rules", "apply", rules).contains("is now version 2"))
            try await installation.deskbeat("wait-idle", "--timeout", "240")
            let after = try await updates(installation, "after.ndjson")
            let reopened = before.filter {
                $0.value.data.window.closed == true && after[$0.key]?.data.window.closed == false
            }
            // On some dates weeks and months, too.
            #expect(reopened.keys.contains { $0.contains("/day") })
            #expect(reopened.keys.allSatisfy { after[$0]?.data.rules_version == 2 })
            try await installation.expectAuditFindsNothing(["ticketing"])
        }
    }

    /// Programs that publish at the same moment take the topic from one another; each of them gets through.
    @Test func rulesThatComeTogetherGetANumberEach() async throws {
        try await Installation.run(rules: "min_sample: 1\n") { installation in
            @Sendable func apply(_ text: String, as name: String) async throws -> String {
                try text.write(toFile: file(installation, name), atomically: true, encoding: .utf8)
                return try await installation.deskbeat("rules", "apply", file(installation, name))
            }
            func together(_ apply: @Sendable @escaping (Int) async throws -> String) async throws -> [String] {
                try await withThrowingTaskGroup(of: String.self) { group in
                    for number in 0..<6 { group.addTask { try await apply(number) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            let same = try await together { try await apply("min_sample: 2\n", as: "same-\($0).yaml") }
            #expect(same.count { $0.contains("is now version 2") } == 1, "\(same)")
            #expect(same.count { $0.contains("is version 2 already") } == 5, "\(same)")
            let different = try await together {
                try await apply("min_sample: \($0 + 10)\n", as: "different-\($0).yaml")
            }
            for version in 3...8 {
                #expect(different.count { $0.contains("is now version \(version)") } == 1, "\(different)")
            }
        }
    }

    @Test func aBreakdownThatComesLaterHasItsHistoryAfterARebuild() async throws {
        try await Installation.withFolder { installation in
            let events = installation.folder.appendingPathComponent("events.ndjson")
            try await installation.up(rules: OrderAndKillTests.rules + "breakdowns: [channel]\n") { installation in
                try await installation.deskbeat("sample").write(to: events, atomically: true, encoding: .utf8)
                try await installation.deskbeat("replay", events.path)
                try await installation.deskbeat("wait-idle", "--timeout", "240")
                let before = try await updates(installation, "before.ndjson")
                #expect(!before.keys.contains { $0.contains(";priority=") })
            }
            try await installation.up(
                rules: OrderAndKillTests.rules + "breakdowns: [channel, priority]\n",
                options: ["--rebuild", "ticketing"]
            ) { installation in
                try await installation.deskbeat("wait-idle", "--timeout", "240")
                let before = try read(installation.folder.appendingPathComponent("before.ndjson"))
                let after = try await updates(installation, "after.ndjson")
                var created: [String: Double] = [:]
                for (subject, update) in after where subject.hasPrefix("tickets_created/day;priority=") {
                    let day = subject.split(separator: "@").last.map(String.init) ?? ""
                    created[day, default: 0] += update.data.value ?? 0
                }
                #expect(!created.isEmpty)
                for (day, count) in created {
                    #expect(after["tickets_created/day@\(day)"]?.data.value == count, "\(day)")
                }
                for (subject, update) in before where after[subject]?.data.window.closed == update.data.window.closed {
                    guard subject.hasPrefix("tickets_"), subject.contains("@") else { continue }
                    #expect(after[subject]?.sequence == update.sequence, "\(subject)")
                }
                try await expectNothingFalls(installation)
                try await installation.expectAuditFindsNothing(["ticketing"])
            }
        }
    }
}
