/// Bounds of what is kept of one entity.
public enum EntityLimits {
    /// Events, or facts that are stated to it.
    public static let timeline = 4096

    /// Milliseconds without an arrival after which a closed entity shrinks to its residue, and one whose beginning never came
    /// is given up: 30 x 86,400 s of the arrival clock.
    public static let silence: Int64 = 30 * 86_400_000

    /// Milliseconds from the last arrival until the residue goes, too: 400 days more.
    public static let residue: Int64 = 430 * 86_400_000

    /// Milliseconds without a new fact until an entity that is made of facts alone goes: by then what stated them is gone, unless
    /// it lived on for more than a month without stating anything new.
    public static let facts: Int64 = 460 * 86_400_000
}
