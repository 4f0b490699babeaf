/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON otherwise.
    case auto
    /// For people: time, level, logger, message, metadata; coloured on a terminal unless `NO_COLOR` is set.
    case text
    /// One JSON object per line, for machines.
    case json
}
