import Foundation
import Logging
import ServiceKit
import Testing

@Suite struct LoggingTests {
    /// What a handler writes, read back from a pipe.
    private func written(
        _ style: ServiceLogHandler.Style, limit: Int = 1 << 20, _ body: (Logger, LogSink) -> Void
    ) throws -> String {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: limit)
        let logger = Logger(label: "test") { ServiceLogHandler(label: $0, style: style, level: .debug, sink: sink) }
        body(logger, sink)
        sink.flush(seconds: 30)
        try pipe.fileHandleForWriting.close()
        return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }

    @Test func jsonLinesAreJSON() throws {
        let text = try written(.json) { logger, _ in
            var logger = logger
            logger[metadataKey: "stage"] = "entity"
            logger.info("said \"hé\"\n\u{1}", metadata: ["n": "1", "list": ["a", ["b": "c"]], "level": "mine"])
            logger.trace("below the level")
            logger.error("second")
        }
        let lines = text.split(separator: "\n")
        #expect(lines.count == 2)
        let first = try #require(JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(first["message"] as? String == "said \"hé\"\n\u{1}")
        #expect(first["level"] as? String == "info")
        #expect(first["level_"] as? String == "mine")
        #expect(first["logger"] as? String == "test")
        #expect(first["stage"] as? String == "entity")
        #expect(first["n"] as? String == "1")
        let list = try #require(first["list"] as? [Any])
        #expect(list[0] as? String == "a")
        #expect((list[1] as? [String: String]) == ["b": "c"])
        let time = try #require(first["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func textCannotForgeLines() throws {
        let text = try written(.text(coloured: false)) { logger, _ in
            logger.warning("one\ntwo\u{1b}[31m", metadata: ["key": "a\nb"])
        }
        #expect(text.hasSuffix(" WARNING  test: one\\ntwo\\u{1b}[31m key=a\\nb\n"))
        #expect(text.filter { $0 == "\n" }.count == 1)
    }

    @Test func colourOnlyWhereAsked() throws {
        let text = try written(.text(coloured: true)) { logger, _ in logger.error("x") }
        #expect(text.contains("\u{1b}[31mERROR\u{1b}[0m"))
    }

    @Test func longMessagesAreCut() throws {
        let text = try written(.json) { logger, _ in logger.info("\(String(repeating: "x", count: 100_000))") }
        #expect(text.utf8.count < 10_000)
        #expect(text.contains("x…"))
    }

    /// Nobody reads the pipe while 200 lines are written: the writer must neither wait nor keep them all.
    @Test func aStuckReaderLosesLinesAndIsTold() throws {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: 64 << 10)
        let logger = Logger(label: "test") { ServiceLogHandler(label: $0, style: .json, level: .info, sink: sink) }
        for index in 0..<200 { logger.info("\(index) \(String(repeating: "x", count: 4_000))") }
        let reader = Thread {
            sink.flush(seconds: 30); try? pipe.fileHandleForWriting.close()
        }
        reader.start()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines[0].contains("\"message\":\"0 xxx"))
        // The writer may have been told of losses several times while it waited.
        let reports = lines.filter { $0.contains("log lines dropped") }
        let dropped = try reports.map { report in
            let record = try #require(JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any])
            return try #require(record["dropped"] as? Int)
        }
        #expect(dropped.reduce(0, +) > 0)
        #expect(lines.count - reports.count + dropped.reduce(0, +) == 200)
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_399_999_000, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (1_795_273_445_123_456, "2026-11-21T15:04:05.123Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
    ]) func instants(_ micros: Int64, _ text: String) {
        #expect(UTCTime.text(micros) == text)
    }
}
