/// Places in open-addressing tables of any size by the upper half of a 64-bit hash: tables that keep this half beside each entry
/// can grow, and remove, without another look at what was hashed.
public enum HashPlace {
    /// Where the search for a hash begins.
    ///
    /// - Parameter hash: a hash, or an entry with its upper half above.
    @inlinable
    @inline(__always)
    public static func home(_ hash: UInt64, _ size: Int) -> Int {
        // Instead of a division: the half as a fraction, times the size (Lemire, "A fast alternative to the modulo reduction").
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: size)) >> 32)
    }

    /// The place after this one.
    @inlinable
    @inline(__always)
    public static func next(_ place: Int, _ size: Int) -> Int {
        place + 1 == size ? 0 : place + 1
    }

    /// How many steps it is from one place on to another.
    @inlinable
    @inline(__always)
    public static func distance(_ start: Int, _ end: Int, _ size: Int) -> Int {
        end >= start ? end - start : end - start + size
    }
}
