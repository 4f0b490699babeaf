import Foundation

/// Instants of local clock times in one time zone. A clock time that occurs twice is the first of them; one that is
/// skipped is taken with the offset that held before.
package struct LocalZone: Sendable {
    private let zone: TimeZone?
    package static let utc = LocalZone()

    private init() { zone = nil }

    /// Nil when `name` is no zone of the time-zone database.
    package init?(_ name: String) {
        if ["UTC", "Etc/UTC", "Z"].contains(name) {
            zone = nil
        } else {
            guard name.contains("/"), let found = TimeZone(identifier: name) else { return nil }
            zone = found
        }
    }

    /// Microseconds since 1970 UTC of a clock time given as microseconds since 1970-01-01T00:00 on that clock.
    package func instant(_ clock: Int64) -> Int64 {
        guard let zone else { return clock }
        let before = Self.offset(zone, clock - 86_400_000_000)
        let after = Self.offset(zone, clock + 86_400_000_000)
        if before == after || Self.offset(zone, clock - before) == before { return clock - before }
        // Neither offset gives back a clock time that the change skipped.
        return Self.offset(zone, clock - after) == after ? clock - after : clock - before
    }

    /// In microseconds.
    private static func offset(_ zone: TimeZone, _ micros: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(micros) / 1_000_000))) * 1_000_000
    }
}
