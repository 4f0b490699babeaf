import Foundation
import LocalBroker
import NIOCore
import Testing

/// The file storage where it is more than bytes in, bytes out: segments that are replaced, and disks that are full.
@Suite struct DiskTests {
    private static func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private static func copy(_ from: String, _ to: String) throws {
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    /// Every state of the folder that a kill, or a loss of power, can leave while compacted segments are put in place.
    @Test func replacedSegmentsAreOldOrNewAfterACrash() throws {
        let temporary = try TemporaryFolder()
        let before = temporary.path + "/before"
        let configuration = CompactionTests.configuration()
        var storage = try FileStorage(folder: before, synchronizes: false)
        var broker = try Harness(configuration: configuration, on: storage)
        let configs = ["cleanup.policy": "compact", "segment.bytes": "600", "min.cleanable.dirty.ratio": "0.01"]
        #expect(try broker.createTopic("t", configs: configs) == .none)
        for number in 0..<60 {
            _ = try broker.produce(
                CompactionTests.batch(broker, [("k\(number % 4)", "v\(number)")]), to: "t")
        }
        broker.core.close()
        storage.close()
        // Larger segments, so that one takes the place of all.
        storage = try FileStorage(folder: before, synchronizes: false)
        broker = try Harness(configuration: configuration, time: broker.time, on: storage)
        let request = IncrementalAlterConfigsRequest {
            $0.resources = [
                IncrementalAlterConfigsRequest.Resource {
                    $0.type = 2
                    $0.name = "t"
                    $0.configs = [
                        IncrementalAlterConfigsRequest.Config {
                            $0.name = "segment.bytes"
                            $0.value = "1000000"
                        }
                    ]
                }
            ]
        }
        _ = try broker.call(.incrementalAlterConfigs(request))
        let expected = try CompactionTests.read(broker, committed: true)
        storage.close()
        let after = temporary.path + "/after"
        try Self.copy(before, after)
        storage = try FileStorage(folder: after, synchronizes: true)
        broker = try Harness(configuration: configuration, time: broker.time, on: storage)
        broker.advance(by: 5_000)
        #expect(broker.core.compactionCounts.rounds == 1)
        storage.close()

        let log = "/logs/t.1/0"
        let old = try Self.files(before + log).filter { $0.hasSuffix(".log") }.dropLast()
        #expect(old.count > 4)
        #expect(try Self.files(after + log).filter { $0.hasSuffix(".log") }.count == 2)
        let first = try #require(old.first)
        let swap = "0-\(Int64(try #require(old.last).dropLast(4)) ?? 0).swap"
        let compacted = try #require(FileManager.default.contents(atPath: after + log + "/" + first))

        func check(_ name: String, _ change: (String) throws -> Void) throws {
            let folder = temporary.path + "/" + name
            try Self.copy(before, folder)
            for note in try Self.files(folder + log) where note.hasSuffix(".index") {
                try FileManager.default.removeItem(atPath: folder + log + "/" + note)
            }
            try change(folder + log + "/")
            let storage = try FileStorage(folder: folder, synchronizes: false)
            let broker = try Harness(configuration: configuration, time: broker.time, on: storage)
            CompactionTests.check(expected, try CompactionTests.read(broker, committed: true), name)
            let names = try Self.files(folder + log)
            #expect(!names.contains { $0.hasSuffix(".swap") || $0 == "replacement.new" }, "\(name): \(names)")
            broker.advance(by: 20_000)
            CompactionTests.check(expected, try CompactionTests.read(broker, committed: true), name + ", compacted")
            storage.close()
        }
        for size in [0, 1, compacted.count / 2, compacted.count] {
            try check("written-\(size)") { folder in
                try compacted.prefix(size).write(to: URL(fileURLWithPath: folder + "replacement.new"))
            }
        }
        for deleted in 0..<old.count {
            try check("deleted-\(deleted)") { folder in
                try compacted.write(to: URL(fileURLWithPath: folder + swap))
                for name in old.dropFirst().prefix(deleted) {
                    try FileManager.default.removeItem(atPath: folder + name)
                }
            }
        }
        try check("renamed") { folder in
            for name in old.dropFirst() { try FileManager.default.removeItem(atPath: folder + name) }
            try compacted.write(to: URL(fileURLWithPath: folder + first))
        }
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// On a real file system of 24 MB. Needs the right to mount one; says so where it has not.
    @Test func aFullDiskStopsProducersAndNothingElse() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/small"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard try Self.run("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]) else {
            print("no file system could be mounted here: the full disk was only simulated (TransactionTests)")
            return
        }
        defer { _ = try? Self.run("umount", ["-l", folder]) }
        var storage = try FileStorage(folder: folder, synchronizes: false)
        var broker = try Harness(on: storage)
        #expect(storage.hasReserve)
        #expect(try broker.createTopic("t", configs: ["segment.bytes": "1000000"]) == .none)
        let producer = try broker.producer("tx", timeout: 900_000)
        #expect(try broker.addPartition(producer, "t") == .none)
        let open = broker.batch(["in a transaction"], producer: producer, sequence: 0)
        #expect(try broker.produce(open, to: "t", transactionalID: "tx").error == .none)
        var written = 0
        for size in [100_000, 1000, 1] {
            var error = ErrorCode.none
            while error == .none, written < 10_000 {
                error = try broker.produce(broker.batch([String(repeating: "x", count: size)]), to: "t").error
                if error == .none { written += 1 }
            }
            #expect(error == .storageError)
        }
        #expect(written > 40)
        #expect(try broker.fetch("t").lastStableOffset == 0)
        #expect(try broker.endTransaction(producer, commit: true) == .none)
        #expect(try broker.fetch("t").lastStableOffset == Int64(written) + 2)
        #expect(try broker.consume("t", committed: true).count == written + 1)
        broker.advance(by: 5_000)
        #expect(try broker.produce(broker.batch(["small"]), to: "t").error == .storageError)

        // A restart changes nothing about it.
        broker.core.close()
        storage.close()
        storage = try FileStorage(folder: folder, synchronizes: false)
        broker = try Harness(time: broker.time, on: storage)
        #expect(try broker.consume("t", committed: true).count == written + 1)
        #expect(try broker.produce(broker.batch(["small"]), to: "t").error == .storageError)

        let request = DeleteRecordsRequest {
            $0.topics = [
                DeleteRecordsRequest.Topic {
                    $0.name = "t"
                    $0.partitions = [DeleteRecordsRequest.Partition { $0.offset = -1 }]
                }
            ]
        }
        guard case .deleteRecords(let response) = try broker.call(.deleteRecords(request)) else { return }
        #expect(response.topics.first?.partitions.first?.error == ErrorCode.none)
        broker.advance(by: 5_000)
        #expect(storage.hasReserve)
        #expect(try broker.produce(broker.batch(["again"]), to: "t").error == .none)
        #expect(try broker.consume("t", from: Int64(written) + 2, committed: true) == ["again"])
        storage.close()
    }
}
