import Kafka
import LocalBroker
import Streams

/// One process: when it has crashed, its calls have no effect any more.
final class SimulatedHost {
    let name: String
    var isCrashed = false
    /// In the middle of a step: nobody steps it a second time.
    var isBusy = false

    init(_ name: String) { self.name = name }

    func check() throws(ClientError) {
        if isCrashed { throw ClientError(.fatal, "the process is gone") }
    }
}

/// One handle's connection to the broker. Its requests arrive in order, but may arrive late, even after the handle has
/// given up, and their answers may be lost.
final class SimulatedConnection {
    let world: Simulation
    let host: SimulatedHost
    /// Sent, not arrived.
    private var delayed: [Request] = []

    static let timedOut = ClientError(.retry, "timed out")

    init(_ world: Simulation, _ host: SimulatedHost) {
        self.world = world
        self.host = host
        world.connections.append(self)
    }

    /// A request that was answered at once, in `attempts` at most.
    func call(_ request: Request, attempts: Int = 3) throws(ClientError) -> Response {
        for _ in 0..<attempts {
            if let response = try exchange(request) { return response }
        }
        throw Self.timedOut
    }

    /// - Returns: `nil` when no answer has come in time.
    func exchange(_ request: Request) throws(ClientError) -> Response? {
        guard let pending = try post(request) else { return nil }
        return world.broker.answer(pending.token)
    }

    struct Pending {
        var token: RequestToken
        var incarnation: Int
    }

    /// Sends a request whose answer may take its time.
    ///
    /// - Returns: `nil` when the client gives up waiting.
    func post(_ request: Request) throws(ClientError) -> Pending? {
        try host.check()
        world.meanwhile()
        try host.check()
        guard !world.broker.isDown else {
            world.time.wall += 50_000
            return nil
        }
        arrive()
        let fault = world.draw(for: request)
        if let fault { world.log("\(host.name) \(request.key): \(fault)") }
        switch fault {
        case nil, .duplicated?: break
        case .requestLost?:
            world.time.wall += 20_000
            return nil
        case .delayed?:
            delayed.append(request)
            world.time.wall += 20_000
            return nil
        case .crashBefore?:
            host.isCrashed = true
            try host.check()
        case .brokerKilledWriting?:
            world.broker.storage.kill(
                afterWrites: Int(world.random.next() % 3), share: Double(world.random.next() % 100) / 100)
        case .responseLost?, .crashAfter?, .commitOutcomeUnknown?:
            _ = world.broker.answer(world.broker.receive(request))
            if fault == .crashAfter {
                host.isCrashed = true
                try host.check()
            }
            if fault == .commitOutcomeUnknown { throw Self.timedOut }
            world.time.wall += 20_000
            return nil
        }
        let token = world.broker.receive(request)
        if fault == .duplicated { _ = world.broker.answer(world.broker.receive(request)) }
        if world.broker.storage.isDown {
            world.restartBroker()
            return nil
        }
        world.broker.storage.revive()
        return Pending(token: token, incarnation: world.broker.incarnation)
    }

    /// What was on its way has arrived.
    func arrive() {
        guard !delayed.isEmpty, !world.broker.isDown else { return }
        let requests = delayed
        delayed = []
        for request in requests {
            world.log("\(host.name) \(request.key) arrives late")
            _ = world.broker.answer(world.broker.receive(request))
        }
    }

    var hasDelayed: Bool { !delayed.isEmpty }
}
