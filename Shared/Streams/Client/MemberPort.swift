/// How a member of a consumer group says on which port its process serves HTTP: in front of its client id, the one thing that
/// brokers tell of a member and that may be another one after a restart.
public enum MemberPort {
    private static let prefix = "http-"

    /// The client id of a member whose process serves HTTP on `port`; nil: it says nothing of it.
    package static func clientID(_ identity: String, port: Int?) -> String {
        port.map { "\(prefix)\($0).\(identity)" } ?? identity
    }

    /// What ``clientID(_:port:)`` has put into a member's client id.
    public static func port(ofClientID id: String) -> Int? {
        guard id.hasPrefix(prefix), let end = id.firstIndex(of: ".") else { return nil }
        guard let port = Int(id[id.index(id.startIndex, offsetBy: prefix.count)..<end]), 1...65_535 ~= port else {
            return nil
        }
        return port
    }
}
