import Kafka
import Logging

extension StreamWorker {
    /// Whether every version of the settings that is published by now has been acted upon. A partition that has been
    /// processed under one version elsewhere is thus never processed under an earlier one here.
    func settingsAreRead() throws(WorkerError) -> Bool {
        guard let settings = stage.settings else { return true }
        let partition = TopicPartition(topic: settings.topic.name, partition: 0)
        let watermarks = try watermarks()
        do throws(ClientError) {
            let bounds = try watermarks.watermarks([partition], deadline: .after(.seconds(2)))
            return settings.position >= bounds[partition]?.high ?? 0
        } catch {
            guard error.reaction == .retry else { throw error.rebuild }
            logger.info("waiting for the settings", metadata: ["reason": "\(error)"])
            return false
        }
    }

    /// Makes the tasks anew when the version of the settings has changed: commits what they have, then restores new ones
    /// from the changelog, as after an assignment.
    func adoptSettings() throws(WorkerError) {
        guard let settings = stage.settings else { return }
        let version = settings.version
        guard !running.isEmpty else {
            if machine.owned.isEmpty, machine.suspended.isEmpty { settingsVersion = .max }
            return
        }
        guard settingsVersion < version, restore == nil, toLocate.isEmpty else { return }
        guard try commit(isClean: false, deadline: .after(options.commitBudget)) else { return }
        logger.info("making the tasks anew", metadata: ["settings_version": "\(version)"])
        settingsVersion = .max
        intakeEpoch += 1
        try perform(machine.remake())
    }

    /// A record was written under a later version than this process knows: takes the transaction back, and reads on when the
    /// version has come.
    func wait(forSettings version: Int64) throws(WorkerError) {
        neededSettings = max(neededSettings, version)
        let end = try session().end(
            .abort("a record needs version \(version) of the settings"), isLost: try consumer().isAssignmentLost,
            generation: generation, offsets: [:], deadline: .after(options.commitBudget))
        takenRecords = 0
        takenBytes = 0
        if case .aborted(let reason) = end { try undo(reason) }
        abortsInARow = 0
        // Whatever is running now was made with an earlier version.
        settingsVersion = min(settingsVersion, version - 1)
    }
}
