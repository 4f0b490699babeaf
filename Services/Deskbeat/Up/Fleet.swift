import FoundationEssentials

/// What `up` knows of its processes, and what it tells others in the ready file.
package struct Fleet: Sendable {
    package struct Member: Sendable, Equatable {
        package var name: String
        package var pid: Int32?
        /// Port of its HTTP server; nil for the broker.
        package var httpPort: Int?
        package var isReady = false
        /// Starts so far without having become ready.
        package var attempts = 0

        package init(name: String, httpPort: Int? = nil) {
            self.name = name
            self.httpPort = httpPort
        }
    }

    /// A process that cannot become ready at the first go is given up after so many starts.
    package static let attemptLimit = 5

    package let bootstrapServers: String
    package private(set) var members: [Member]
    /// Whether all have been ready at one time.
    package private(set) var hasBeenReady = false

    package init(bootstrapServers: String, members: [Member]) {
        self.bootstrapServers = bootstrapServers
        self.members = members
    }

    package mutating func started(_ name: String, pid: Int32) {
        update(name) { member in
            member.pid = pid
            member.isReady = false
            member.attempts += 1
        }
    }

    /// Ignored when the process has been replaced meanwhile.
    package mutating func becameReady(_ name: String, pid: Int32) {
        update(name) { member in
            guard member.pid == pid else { return }
            member.isReady = true
            member.attempts = 0
        }
        hasBeenReady = hasBeenReady || members.allSatisfy(\.isReady)
    }

    /// Returns why there is no use in trying again, if so: before everything has been ready once, an exit that states wrong
    /// settings, or the last of several attempts.
    package mutating func ended(_ name: String, _ reason: ExitReason) -> String? {
        update(name) { member in
            member.pid = nil
            member.isReady = false
        }
        guard !hasBeenReady, let member = members.first(where: { $0.name == name }) else { return nil }
        // sysexits.h: EX_USAGE and EX_CONFIG.
        if reason == .exited(64) || reason == .exited(78) { return "\(name) refuses its settings" }
        return member.attempts >= Self.attemptLimit ? "\(name) does not start (\(reason))" : nil
    }

    private mutating func update(_ name: String, _ change: (inout Member) -> Void) {
        guard let index = members.firstIndex(where: { $0.name == name }) else { return }
        change(&members[index])
    }

    /// `{"bootstrap_servers": …, "http": {name: URL}, "pids": {name: pid}}`; a process between two lives has no pid.
    package var readyFile: [UInt8] {
        var json = Array(#"{"bootstrap_servers":"#.utf8)
        json.appendJSONString(bootstrapServers)
        json += Array(#","http":{"#.utf8)
        for (index, member) in members.filter({ $0.httpPort != nil }).enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSONString(member.name)
            json += Array(#":"http://127.0.0.1:\#(member.httpPort ?? 0)""#.utf8)
        }
        json += Array(#"},"pids":{"#.utf8)
        for (index, member) in members.filter({ $0.pid != nil }).enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSONString(member.name)
            json += Array(":\(member.pid ?? 0)".utf8)
        }
        return json + Array("}}\n".utf8)
    }
}
