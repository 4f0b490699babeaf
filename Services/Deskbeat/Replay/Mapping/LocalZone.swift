package import BusinessTime

/// Instants of local clock times in one time zone. A clock time that occurs twice is the first of them; one that is
/// skipped is taken with the offset that held before.
package struct LocalZone: Sendable {
    /// Nil is UTC, without a look at any table.
    private let zone: BusinessZone?

    package static let utc = LocalZone(zone: nil)

    private init(zone: BusinessZone?) { self.zone = zone }

    /// Throws when `name` is no zone of the system's time-zone database, and says what to do.
    package init(_ name: String) throws(BusinessZoneError) {
        zone = ["UTC", "Etc/UTC", "Z"].contains(name) ? nil : try BusinessZone.load(name)
    }

    /// Microseconds since 1970 UTC of a clock time given as microseconds since 1970-01-01T00:00 on that clock.
    package func instant(_ clock: Int64) -> Int64 {
        guard let zone else { return clock }
        let day: Int64 = 86_400_000_000
        let before = zone.offset(at: clock - day) * 1_000_000
        let after = zone.offset(at: clock + day) * 1_000_000
        if before == after || zone.offset(at: clock - before) * 1_000_000 == before { return clock - before }
        // Neither offset gives back a clock time that the change skipped.
        return zone.offset(at: clock - after) * 1_000_000 == after ? clock - after : clock - before
    }
}
