import ServiceKit

/// What the services could not take.
package enum DeadLetterCheck {
    /// - Parameters:
    ///   - kept: Offsets in the dead-letter topic; includes transaction markers, so it is a little high.
    ///   - recent: The same, of the last 24 hours.
    package static func finding(kept: Int64, recent: Int64, topic: String) -> Finding {
        guard kept > 0 else { return Finding("dead letters", .ok, "none") }
        let text = "\(Humanise.count(kept)) offsets in \(topic), \(Humanise.count(recent)) of the last 24 hours"
        guard recent > 0 else { return Finding("dead letters", .ok, text) }
        return Finding(
            "dead letters", .warn, text,
            advice: "each record's headers say what to fix: kcat -C -b … -t \(topic) -e -q -f '%h\\n'")
    }
}
