#if canImport(Glibc)
    import Glibc
#endif

/// The least of an HTTP client: one GET to a server on this machine, on the calling thread, which it may block for `seconds`.
package enum HTTPProbe {
    package struct Answer: Sendable {
        package var status: Int
        /// At most 64 KiB.
        package var body: String
    }

    /// Nil when there is no answer in time, or none that is HTTP.
    package static func get(port: Int, path: String, seconds: Int = 2) -> Answer? {
        guard let socket = connect(port: port, seconds: seconds) else { return nil }
        defer { close(socket) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n".utf8)
        let sent = unsafe request.withUnsafeBytes { unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent == request.count else { return nil }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while answer.count < 65_536 {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        let words = text.prefix { $0 != "\r\n" && $0 != "\n" }.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        let body = text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
        return Answer(status: status, body: body)
    }

    /// Whether something accepts connections there.
    package static func accepts(port: Int) -> Bool {
        guard let socket = connect(port: port, seconds: 2) else { return false }
        close(socket)
        return true
    }

    private static func connect(port: Int, seconds: Int) -> Int32? {
        let socket = LoopbackPort.socket()
        guard socket >= 0 else { return nil }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard unsafe LoopbackPort.withAddress(port, { unsafe Glibc.connect(socket, $0, $1) }) == 0 else {
            close(socket)
            return nil
        }
        return socket
    }
}

/// TCP ports of 127.0.0.1.
package enum LoopbackPort {
    /// A port that was free at the time of asking.
    package static func free() throws(InputError) -> Int {
        let socket = socket()
        guard socket >= 0 else { throw InputError("no socket: \(systemMessage(errno))") }
        defer { close(socket) }
        guard unsafe withAddress(0, { unsafe bind(socket, $0, $1) }) == 0 else {
            throw InputError("no free port: \(systemMessage(errno))")
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(socket, $0, &length) }
        }
        guard result == 0 else { throw InputError("no free port: \(systemMessage(errno))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether a server could listen there now; connections that are just closing do not hinder it.
    package static func isFree(_ port: Int) -> Bool {
        let socket = socket()
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var on: Int32 = 1
        unsafe setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        return unsafe withAddress(port, { unsafe bind(socket, $0, $1) }) == 0 && listen(socket, 1) == 0
    }

    static func socket() -> Int32 {
        Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    static func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
