import Foundation
import Ingest
import Logging
import ServiceKit
import ServiceLifecycle
import Testing

@Suite struct BearerTokensTests {
    private let first = "first-token-0123456789"
    private let second = "second-token-0123456789"

    @Test func severalTokensAndPrefixes() throws {
        let tokens = try BearerTokens(
            parsing: """
                # rotation: both are valid

                \(first)   https://a.example/
                \(second)\thttps://a.example/
                \(second) https://b.example/
                """)
        #expect(tokens.count == 3)
        let a = try #require(tokens.grant(first.utf8))
        let b = try #require(tokens.grant(second.utf8))
        #expect(a.sourcePrefixes == ["https://a.example/"])
        #expect(b.sourcePrefixes == ["https://a.example/", "https://b.example/"])
        #expect(a.id != b.id)
        #expect(tokens.grant(first.utf8)?.id == a.id)
    }

    /// Comparison is by digest, so every token that differs anywhere, or in length, is unknown.
    @Test func onlyTheWholeTokenIsKnown() throws {
        let tokens = try BearerTokens(parsing: "\(first) x")
        #expect(tokens.grant(first.utf8) != nil)
        for index in first.indices {
            var other = first
            other.replaceSubrange(index...index, with: "~")
            #expect(tokens.grant(other.utf8) == nil)
        }
        for other in ["", String(first.dropLast()), first + "x", first.uppercased(), " \(first)"] {
            #expect(tokens.grant(other.utf8) == nil)
        }
    }

    @Test(arguments: [
        ("", "no tokens"), ("# only a comment", "no tokens"), ("long-enough-token-0123", "line 1 has 1 words"),
        ("a b\nx", "line 1 is shorter"), ("\nlong-enough-token-0123 a b", "line 2 has 3 words"),
    ]) func faultsNameTheLineAndNotTheToken(_ text: String, _ words: String) throws {
        let error = try #require(throws: BearerTokens.FileError.self) { _ = try BearerTokens(parsing: text) }
        #expect(error.description.contains(words))
        #expect(!error.description.contains("long-enough"))
    }

    @Test func aRefusedReplacementChangesNothing() throws {
        let tokens = try BearerTokens(parsing: "\(first) x")
        #expect(throws: BearerTokens.FileError.self) { try tokens.replace(parsing: "broken") }
        #expect(tokens.grant(first.utf8) != nil)
        try tokens.replace(parsing: "\(second) x")
        #expect(tokens.grant(first.utf8) == nil)
        #expect(tokens.grant(second.utf8) != nil)
    }

    @Test(.timeLimit(.minutes(5))) func theFileIsReadAgainWhenItChanges() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("\(first) x\n".utf8).write(to: file)
        let (events, heard) = AsyncStream<String>.makeStream()
        let logger = Logger(label: "test") { _ in EventHandler(heard: heard) }
        let service = try TokensFile(path: file.path, interval: .milliseconds(20), logger: logger)
        #expect(service.tokens.grant(first.utf8) != nil)
        let group = ServiceGroup(
            configuration: .init(services: [service], logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() }))
        async let end: Void = group.run()
        var iterator = events.makeAsyncIterator()

        try Data("broken\n".utf8).write(to: file)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000)], ofItemAtPath: file.path)
        #expect(await iterator.next()?.contains("refused") == true)
        #expect(service.tokens.grant(first.utf8) != nil)

        try Data("\(second) x\n".utf8).write(to: file)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 2_000)], ofItemAtPath: file.path)
        #expect(await iterator.next()?.contains("tokens read") == true)
        #expect(service.tokens.grant(first.utf8) == nil)
        #expect(service.tokens.grant(second.utf8) != nil)

        try FileManager.default.removeItem(at: file)
        #expect(await iterator.next()?.contains("cannot be read") == true)
        #expect(service.tokens.grant(second.utf8) != nil)
        await group.triggerGracefulShutdown()
        try? await end
    }

    /// Passes messages on.
    private struct EventHandler: LogHandler {
        let heard: AsyncStream<String>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug
        init(heard: AsyncStream<String>.Continuation) { self.heard = heard }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { heard.yield(event.message.description) }
    }

    @Test func aMissingFileRefusesToStart() throws {
        let error = try #require(throws: BearerTokens.FileError.self) {
            _ = try TokensFile(path: "/nonexistent/tokens", logger: Logger(label: "x"))
        }
        #expect(error.description.contains("/nonexistent/tokens cannot be read"))
    }
}
