import FoundationEssentials

/// How far a replay has come, in a file: everything before `rows` has been acknowledged by the broker. Resuming may
/// send some rows again, which has no effect: their events have the same ids.
package struct ReplayState: Codable, Equatable, Sendable {
    package var version = 1
    package var input: ReplayInput.Identity
    package var rows: Int
    package var finished: Bool

    package init(input: ReplayInput.Identity, rows: Int, finished: Bool) {
        self.input = input
        self.rows = rows
        self.finished = finished
    }

    /// Rows that are done according to the file at `path`; 0 when there is none yet.
    package static func resume(from path: String, input: ReplayInput.Identity) throws -> ReplayState {
        guard FileManager.default.fileExists(atPath: path) else {
            return ReplayState(input: input, rows: 0, finished: false)
        }
        let state: ReplayState
        do {
            state = try JSONDecoder().decode(ReplayState.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw InputError("\(path) is no state file of a replay; remove it to start anew")
        }
        guard state.input == input else {
            throw InputError(
                "\(path) belongs to a replay of \(state.input.file) with another size or mapping; remove it to start anew"
            )
        }
        return state
    }

    package func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try writeAtomically(Array(encoder.encode(self)) + [UInt8(ascii: "\n")], to: path)
    }
}

/// Writes a file beside `path` and renames it, so that a reader sees the old content or the new one.
package func writeAtomically(_ bytes: [UInt8], to path: String) throws(InputError) {
    do {
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
        throw InputError("\(path) cannot be written: \(error)")
    }
}
