import SupportEvents

/// Judges events as ingest will, with its own decoder; a rules file's aliases and currencies are not known here.
package struct EventJudge {
    private let decoder = EventDecoder()
    private let now: Int64

    /// - Parameter now: microseconds since 1970 UTC; later events are in the future.
    package init(now: Int64) { self.now = now }

    /// Those that ingest would send to the dead letters, with its reason and the place in the event.
    package func refused(_ events: [ReplayEvent]) -> [ReplayBatch.RejectedRow] {
        var bytes: [UInt8] = []
        decoder.begin()
        for event in events {
            decoder.add(start: bytes.count, count: event.value.count)
            bytes += event.value
        }
        decoder.decode(bytes, now: now)
        var rows: [ReplayBatch.RejectedRow] = []
        for (index, event) in events.enumerated() {
            let decoded = decoder[index]
            guard let rejection = decoded.rejection else { continue }
            let pointer = decoder.string(decoded.pointer)
            let place = pointer.isEmpty ? "" : " at \(pointer)"
            rows.append(
                .init(
                    row: event.row, line: event.line, column: nil,
                    reason: "\(rejection.identifier)\(place): \(rejection.hint)"))
        }
        return rows
    }
}
