import FoundationEssentials
package import Logging
import ServiceLifecycle
import UnixSignals

/// Keeps ``BearerTokens`` as their file says: reads it again on SIGHUP and when its time of modification changes.
package struct TokensFile: Service, CustomStringConvertible {
    package let tokens: BearerTokens
    private let path: String
    private let logger: Logger
    private let interval: Duration
    /// When the file had been modified just before it was read: a change while the service starts is not missed.
    private let firstModification: Date?
    package var description: String { "tokens-file" }

    /// - Throws: When the file cannot be read or is refused: without it nobody could post.
    package init(path: String, interval: Duration = .seconds(2), logger: Logger) throws(BearerTokens.FileError) {
        self.path = path
        self.interval = interval
        self.logger = logger
        firstModification = Self.modification(path)
        guard let text = Self.read(path) else {
            throw BearerTokens.FileError(description: "the file \(path) cannot be read")
        }
        do {
            tokens = try BearerTokens(parsing: text)
        } catch {
            throw BearerTokens.FileError(description: "the file \(path) is refused: \(error.description)")
        }
    }

    /// The file that `--tokens-file` names.
    package init(named path: String, logger: Logger) throws(SettingsError) {
        do {
            try self.init(path: path, logger: logger)
        } catch {
            let remedy = "write one \"token source-prefix\" per line"
            throw SettingsError(faults: [
                SettingsFault(
                    setting: "--tokens-file (DESKBEAT_TOKENS_FILE)", reason: error.description, remedy: remedy)
            ])
        }
    }

    /// Reads the file again; the tokens before stay when it is refused.
    package func reload() {
        guard let text = Self.read(path) else {
            logger.error(
                "the tokens file cannot be read; the tokens read before stay valid", metadata: ["path": "\(path)"])
            return
        }
        do {
            try tokens.replace(parsing: text)
            logger.notice("tokens read", metadata: ["path": "\(path)", "tokens": "\(tokens.count)"])
        } catch {
            logger.error(
                "the tokens file is refused; the tokens read before stay valid",
                metadata: ["path": "\(path)", "error": "\(error)"])
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in await UnixSignalsSequence(trapping: .sighup) { reload() } }
                group.addTask {
                    var seen = firstModification
                    while (try? await Task.sleep(for: interval)) != nil {
                        let now = Self.modification(path)
                        if now != seen { reload() }
                        seen = now
                    }
                }
            }
        }
    }

    private static func modification(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }

    private static func read(_ path: String) -> String? { PlainFile.text(path, upTo: 4 << 20) }
}
