import FoundationEssentials

/// One task's record on the clocks topic.
///
/// Key: `<service>/<stage>/<partition>`. Value: `{"clock":1763795211000000,"degraded":false}`, from ingest with `sources` if
/// any are watched (``SourceSigns``).
public struct ClockRecord: Sendable, Hashable {
    /// Who publishes the clock.
    public struct Task: Sendable, Hashable {
        public var service: String
        public var stage: String
        public var partition: Int32

        public init(service: String, stage: String, partition: Int32) {
            self.service = service
            self.stage = stage
            self.partition = partition
        }

        public var key: [UInt8] { Array("\(service)/\(stage)/\(partition)".utf8) }

        /// `nil` when the key is not of this form.
        public init?(key: [UInt8]) {
            let parts = String(decoding: key, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, let partition = Int32(parts[2]), partition >= 0 else { return nil }
            self.init(service: String(parts[0]), stage: String(parts[1]), partition: partition)
        }
    }

    /// Everything that arrived before this instant (microseconds since 1970) has been processed, and what follows from it
    /// has been written.
    public var clock: Int64

    /// The clock does not wait for a source that has been silent for too long.
    public var degraded: Bool

    /// What the task has heard of the sources that are watched; `nil` from a task that watches none.
    public var sources: SourceSigns?

    public init(clock: Int64, degraded: Bool, sources: SourceSigns? = nil) {
        self.clock = clock
        self.degraded = degraded
        self.sources = sources
    }

    public init?(value: [UInt8]) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(value)) else { return nil }
        self.init(clock: wire.clock, degraded: wire.degraded ?? false, sources: wire.sources)
    }

    public var value: [UInt8] {
        var text = "{\"clock\":\(clock),\"degraded\":\(degraded)"
        if let sources, let json = try? JSONEncoder().encode(sources) {
            text += ",\"sources\":\(String(decoding: json, as: UTF8.self))"
        }
        return Array((text + "}").utf8)
    }

    private struct Wire: Decodable {
        var clock: Int64
        var degraded: Bool?
        var sources: SourceSigns?
    }
}
