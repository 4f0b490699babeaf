#if canImport(Glibc)
    import Glibc
#endif

/// One of the process's two output streams, and what may be written to it: colour only on a terminal that wants it
/// (https://no-color.org).
package struct Console: Sendable {
    package enum Style: String, Sendable {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    package let descriptor: Int32
    package let isTerminal: Bool
    package let hasColour: Bool

    package static let output = Console(STDOUT_FILENO)
    package static let error = Console(STDERR_FILENO)

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        hasColour = isTerminal && environment("NO_COLOR") == nil && environment("TERM") != "dumb"
    }

    package func styled(_ text: String, _ style: Style) -> String {
        hasColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Writes the text and a line end, at once.
    package func line(_ text: String) { write(Array((text + "\n").utf8)) }

    /// Writes all bytes; a reader that has gone away ends the process by SIGPIPE, as it does for any filter.
    package func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: sent), bytes.count - sent)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Columns of the terminal, or 100 elsewhere.
    package var width: Int {
        var size = winsize()
        guard isTerminal, unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }
}

/// The value of an environment variable; empty counts as unset.
package func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}
