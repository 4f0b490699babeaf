import CSimdjson

/// FNV-1a, 64 bit (Fowler, Noll, Vo; draft-eastlake-fnv). The identity of an event is this hash over the bytes of
/// `source`, NUL, `id`, and the last tie-break of every timeline.
public enum FNV1a {
    /// The hash of no bytes.
    public static let start: UInt64 = 14_695_981_039_346_656_037

    /// Goes on from `state` over `bytes`.
    public static func hash(_ bytes: RawSpan, from state: UInt64 = start) -> UInt64 {
        unsafe bytes.withUnsafeBytes {
            unsafe db_fnv1a($0.bindMemory(to: UInt8.self).baseAddress, $0.count, state)
        }
    }

    /// Identity of the event with this `source` and `id`.
    public static func identity(source: RawSpan, id: RawSpan) -> UInt64 {
        // The step for a NUL: nothing to mix in, one multiplication by the prime.
        let separated = hash(source) &* 1_099_511_628_211
        return hash(id, from: separated)
    }

    /// Identity of the event with this `source` and `id`.
    public static func identity(source: [UInt8], id: [UInt8]) -> UInt64 {
        unsafe identity(source: source.span.bytes, id: id.span.bytes)
    }
}

/// The 64-bit hash of strings and keys in tables (wyhash, final version 4.2). Deterministic and persisted.
public enum KeyHash {
    /// Hash of `bytes`; other seeds give independent hashes.
    public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes {
            unsafe db_hash64($0.bindMemory(to: UInt8.self).baseAddress, $0.count, seed)
        }
    }

    /// Hash of an array's bytes.
    public static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        unsafe hash(bytes.span.bytes, seed: seed)
    }

    /// Spreads the bits of an integer key (the finaliser of MurmurHash3).
    @inlinable
    public static func mix(_ key: UInt64) -> UInt64 {
        var h = key
        h = (h ^ (h >> 33)) &* 0xff51_afd7_ed55_8ccd
        h = (h ^ (h >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return h ^ (h >> 33)
    }
}

/// A 128-bit hash, for ids that must be unique over everything that is ever published.
public struct Hash128: Hashable, Sendable {
    public var high: UInt64
    public var low: UInt64

    /// Hash of `bytes`: two hashes with different seeds.
    public init(_ bytes: RawSpan) {
        high = KeyHash.hash(bytes, seed: 0x9e37_79b9_7f4a_7c15)
        low = KeyHash.hash(bytes, seed: 0xd1b5_4a32_d192_ed03)
    }

    /// Hash of an array's bytes.
    public init(_ bytes: [UInt8]) {
        unsafe self.init(bytes.span.bytes)
    }

    /// Appends 32 lower-case hexadecimal digits.
    public func write(into bytes: inout [UInt8]) {
        for word in [high, low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: (word >> UInt64(shift)) & 15)
                bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }
}
