import Crypto
import FoundationEssentials
package import Hummingbird
import Synchronization

/// Who may post events and look things up: bearer tokens, each bound to a prefix of the CloudEvents `source`.
///
/// Tokens are kept and compared as SHA-256 digests, every one of them on every look-up, so that neither the time of an answer
/// nor a memory dump tells how much of a guess was right.
package final class BearerTokens: Sendable {
    /// A token that was recognised.
    package struct Grant: Sendable, Equatable {
        /// The same for every use of the token; says nothing about it.
        package let id: UInt64
        /// The token may send events whose source begins with one of these. Never empty.
        package let sourcePrefixes: [String]
    }

    /// Why a tokens file was refused. Names lines, never tokens.
    package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    private struct Entry {
        let digest: SHA256Digest
        let prefix: String
    }

    private let entries: Mutex<[Entry]>

    /// - Parameter text: One `token source-prefix` per line; blank lines and lines that begin with `#` mean nothing. One token
    ///   may have several lines, and several tokens one prefix.
    package init(parsing text: String) throws(FileError) {
        entries = Mutex(try Self.parse(text))
    }

    /// Replaces all tokens, or none when the text is refused.
    package func replace(parsing text: String) throws(FileError) {
        let parsed = try Self.parse(text)
        entries.withLock { $0 = parsed }
    }

    package var count: Int { entries.withLock { $0.count } }

    /// What the token may do, nil when it is unknown.
    package func grant(_ token: some Sequence<UInt8>) -> Grant? {
        let digest = SHA256.hash(data: Array(token))
        let known = entries.withLock { $0 }
        var prefixes: [String] = []
        for entry in known where entry.digest == digest { prefixes.append(entry.prefix) }
        guard !prefixes.isEmpty else { return nil }
        return Grant(id: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, sourcePrefixes: prefixes)
    }

    /// What the request's `Authorization: Bearer` may do, nil when there is none or it is unknown.
    package func grant(_ headers: HTTPFields) -> Grant? {
        guard let value = headers[.authorization], value.prefix(7).lowercased() == "bearer " else { return nil }
        let token = value.dropFirst(7).drop { $0 == " " }
        return token.isEmpty ? nil : grant(token.utf8)
    }

    private static func parse(_ text: String) throws(FileError) -> [Entry] {
        var entries: [Entry] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let token = words.first, !token.hasPrefix("#") else { continue }
            guard words.count == 2 else {
                throw FileError(
                    description:
                        "line \(index + 1) has \(words.count) words; write a token, a blank and a source prefix")
            }
            guard token.utf8.count >= 16 else {
                throw FileError(
                    description: "the token in line \(index + 1) is shorter than 16 bytes; make it random and longer")
            }
            entries.append(Entry(digest: SHA256.hash(data: Array(token.utf8)), prefix: String(words[1])))
        }
        guard !entries.isEmpty else {
            throw FileError(description: "the file has no tokens; write one \"token source-prefix\" per line")
        }
        guard entries.count <= 10_000 else { throw FileError(description: "the file has more than 10000 tokens") }
        return entries
    }
}
