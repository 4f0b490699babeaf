package import NIOCore

package struct ConnectionID: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// Frames in, frames out: decodes requests for the core, keeps the responses of each connection in the order of its requests, and
/// answers what the core never sees (API versions that do not exist). Pure, like the core.
package final class ProtocolEngine {
    package enum Output: Sendable {
        /// The parts of one frame, its length included. Every received frame gives one output, in order.
        case response(ConnectionID, [ByteBuffer])
        /// The frame wants no response, and has been dealt with.
        case silence(ConnectionID)
        /// The client does not speak the protocol, or something newer.
        case close(ConnectionID, reason: String)
    }

    private struct Pending {
        var token: RequestToken
        var key: APIKey
        var version: Int16
        var correlationID: Int32
    }

    private struct Connection {
        var host: String
        var waiting: [ByteBuffer] = []
        var pending: Pending?
        var isBroken = false
    }

    package let core: BrokerCore
    private var connections: [ConnectionID: Connection] = [:]
    private var owners: [RequestToken: ConnectionID] = [:]
    private var nextToken: UInt64 = 0
    private var outputs: [Output] = []

    package init(core: BrokerCore) { self.core = core }

    package func open(_ connection: ConnectionID, host: String) { connections[connection] = Connection(host: host) }

    package func close(_ connection: ConnectionID) {
        guard let closed = connections.removeValue(forKey: connection), let pending = closed.pending else { return }
        owners[pending.token] = nil
        core.cancel(pending.token)
    }

    /// Takes one frame (without its length) in. A request waits until the one before it on its connection is answered.
    package func receive(_ frame: ByteBuffer, from connection: ConnectionID, at time: BrokerTime) {
        guard connections[connection]?.isBroken == false else { return }
        connections[connection]?.waiting.append(frame)
        run(connection, at: time)
        settle(at: time)
    }

    package func advance(to time: BrokerTime) {
        core.advance(to: time)
        settle(at: time)
    }

    package func nextDeadline() -> Int64? { core.nextDeadline() }

    package func takeOutputs() -> [Output] {
        defer { outputs.removeAll(keepingCapacity: true) }
        return outputs
    }

    /// Sends what the core has completed; each response lets its connection's next request in.
    private func settle(at time: BrokerTime) {
        while true {
            let completions = core.takeCompletions()
            guard !completions.isEmpty else { return }
            for completion in completions {
                guard let owner = owners.removeValue(forKey: completion.token),
                    let pending = connections[owner]?.pending, pending.token == completion.token
                else { continue }
                connections[owner]?.pending = nil
                send(completion.response, for: pending, to: owner)
                run(owner, at: time)
            }
        }
    }

    private func run(_ id: ConnectionID, at time: BrokerTime) {
        guard let connection = connections[id], connection.pending == nil, !connection.isBroken,
            !connection.waiting.isEmpty, let frame = connections[id]?.waiting.removeFirst()
        else { return }
        do {
            try begin(frame, from: id, host: connection.host, at: time)
        } catch {
            connections[id]?.isBroken = true
            connections[id]?.waiting = []
            outputs.append(.close(id, reason: "\(error)"))
        }
    }

    private func begin(
        _ frame: ByteBuffer, from id: ConnectionID, host: String, at time: BrokerTime
    ) throws(WireError) {
        var frame = frame
        guard let rawKey = frame.readInteger(as: Int16.self), let version = frame.readInteger(as: Int16.self),
            let correlationID = frame.readInteger(as: Int32.self)
        else { throw .truncated }
        guard let key = APIKey(rawValue: rawKey) else { throw .unsupportedAPI(key: rawKey, version: version) }
        nextToken += 1
        let token = RequestToken(nextToken)
        guard key.versions.contains(version) else {
            guard key == .apiVersions else { throw .unsupportedAPI(key: rawKey, version: version) }
            // So a client learns, in the one form that everybody can read, which version to ask in.
            let pending = Pending(token: token, key: key, version: 0, correlationID: correlationID)
            send(.apiVersions(BrokerCore.apiVersions(error: .unsupportedVersion)), for: pending, to: id)
            run(id, at: time)
            return
        }
        // The client id in the header has the classic encoding even when the rest is flexible.
        var header = WireDecoder(frame, version: 0, flexible: false)
        var clientID: String?
        try header.nullableString(&clientID)
        var body = WireDecoder(header.buffer, version: version, flexible: key.isFlexible(version))
        try body.tags()
        let request = try Request.decode(key, from: &body)
        connections[id]?.pending = Pending(token: token, key: key, version: version, correlationID: correlationID)
        owners[token] = id
        core.receive(
            request, version: version, client: ClientContext(id: clientID ?? "", host: host), token: token, at: time)
    }

    private func send(_ response: Response?, for pending: Pending, to id: ConnectionID) {
        guard let response else {
            outputs.append(.silence(id))
            return
        }
        var coder = WireEncoder(version: pending.version, flexible: pending.key.isFlexible(pending.version))
        var correlationID = pending.correlationID
        coder.int32(&correlationID)
        if pending.key.hasFlexibleResponseHeader(pending.version) { coder.tags() }
        do {
            try response.encode(into: &coder)
        } catch {
            preconditionFailure("encoding cannot fail: \(error)")
        }
        var parts = coder.finish()
        var length = ByteBuffer()
        length.writeInteger(Int32(clamping: parts.reduce(0) { $0 + $1.readableBytes }))
        if !parts.isEmpty, parts[0].readableBytes < 16_384 {
            length.writeImmutableBuffer(parts[0])
            parts[0] = length
        } else {
            parts.insert(length, at: 0)
        }
        outputs.append(.response(id, parts))
    }
}
