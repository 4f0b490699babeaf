import ArgumentParser

/// How fast events are sent: as fast as they are taken, or as far apart as they happened, sped up.
package enum ReplaySpeed: Equatable, Sendable, ExpressibleByArgument {
    case max
    /// 1 is real time, 60 an hour in a minute.
    case times(Double)

    package init?(argument: String) {
        switch argument.lowercased() {
        case "max": self = .max
        case "realtime": self = .times(1)
        default:
            let text = argument.hasSuffix("x") ? String(argument.dropLast()) : argument
            guard let factor = Double(text), factor.isFinite, factor > 0 else { return nil }
            self = .times(factor)
        }
    }
}

/// When an event is due, counted from the first one. An event that lies before one already sent is due at once.
package struct Pace: Sendable {
    private let factor: Double?
    private var first: Int64?

    package init(_ speed: ReplaySpeed) {
        switch speed {
        case .max: factor = nil
        case .times(let value): factor = value
        }
    }

    /// False when every event is due at once.
    package var isLimited: Bool { factor != nil }

    /// Since the start of the replay; nil = at once.
    package mutating func due(_ time: Int64?) -> Duration? {
        guard let factor, let time else { return nil }
        guard let first else {
            first = time
            return nil
        }
        guard time > first else { return nil }
        // Centuries apart are as good as never; the bound keeps the conversion defined.
        return .microseconds(Int64(Swift.min(Double(time - first) / factor, 1e17)))
    }
}
