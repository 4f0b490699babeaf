import Foundation
import TestSupport
import Testing

extension Installation {
    /// Feeds the events shuffled, 30 % of them twice, and kills a process after each part; each of the services at least once.
    ///
    /// - Parameter seed: of the order and of who is killed.
    func shake(events: [Substring], seed: UInt64, killing names: [String], kills: Int) async throws {
        var random = SeededGenerator(seed: seed)
        var arrivals = events + events.filter { _ in Int.random(in: 0..<10, using: &random) < 3 }
        arrivals.shuffle(using: &random)
        let size = arrivals.count / (kills + 1) + 1
        var killed = Set<String>()
        for part in 0...kills {
            let lines = arrivals.dropFirst(part * size).prefix(size)
            let input = lines.joined(separator: "\n") + "\n"
            if part < kills {
                let victim = names[part < names.count ? part : Int.random(in: 0..<names.count, using: &random)]
                if try kill(victim) { killed.insert(victim) }
            }
            try await execute(Self.binaries.appendingPathComponent("deskbeat").path, ["replay", "-"], input: input)
        }
        // The broker is another one where KAFKA_BOOTSTRAP_SERVERS names it.
        #expect(killed.isSuperset(of: Set(names).subtracting(["broker"])))
        try await deskbeat("wait-idle", "--timeout", "240")
    }

    /// Writes what a `read_committed` consumer sees of public topics to a file, a value on each line.
    ///
    /// - Parameter topics: Their names without the prefix.
    func read(_ topics: [String], into file: String) async throws {
        let broker = try ready().bootstrap_servers
        let prefix = environment["DESKBEAT_TOPIC_PREFIX"] ?? "support."
        let reads = topics.map { "kcat -b \(broker) -t \(prefix)\($0) -C -e -q -X isolation.level=read_committed" }
        try await execute("sh", ["-ec", "(\(reads.joined(separator: "; "))) > \(file)"])
    }

    /// What a `read_committed` consumer sees of each series: every revision once, none left out.
    func expectEachAlertOnce() async throws {
        let file = folder.appendingPathComponent("alerts.tsv").path
        try await read(["alerts"], into: file)
        let verdict = try await execute(
            "python3",
            [
                "-c",
                """
                import json, sys
                ids, last, count = set(), {}, 0
                for line in open(sys.argv[1]):
                    update = json.loads(line)
                    count += 1
                    assert update["id"] not in ids, update["id"]
                    ids.add(update["id"])
                    sequence = int(update["sequence"])
                    assert sequence == last.get(update["subject"], 0) + 1, update["subject"]
                    last[update["subject"]] = sequence
                print(count > 0)
                """, file,
            ])
        #expect(verdict == "True\n")
    }
}
