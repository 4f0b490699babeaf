import FoundationEssentials

/// Tells a parent process or a test where a service can be reached.
enum AnnounceFile {
    /// Writes `{"service": …, "http": …, "pid": …}`, whole or not at all.
    static func write(_ path: String, service: String, address: HTTPAddress) throws {
        var json = JSONText()
        json.object { json in
            json.member("service", service)
            json.member("http", "http://\(reachable(address))")
            json.member("pid", Int64(ProcessInfo.processInfo.processIdentifier))
        }
        try Data(json.bytes + [UInt8(ascii: "\n")]).write(to: URL(filePath: path), options: .atomic)
    }

    /// An address that a client on this machine can use.
    static func reachable(_ address: HTTPAddress) -> HTTPAddress {
        switch address.host {
        case "0.0.0.0": HTTPAddress(host: "127.0.0.1", port: address.port)
        case "::": HTTPAddress(host: "::1", port: address.port)
        default: address
        }
    }
}
