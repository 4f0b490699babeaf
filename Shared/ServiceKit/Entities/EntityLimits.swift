/// Bounds of what is kept of one entity.
public enum EntityLimits {
    /// Events, or facts that are stated to it.
    public static let timeline = 4096
}
