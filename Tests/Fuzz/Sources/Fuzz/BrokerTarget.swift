import LocalBroker
import NIOCore

/// Frames of the Kafka protocol: the input is a list of them, each behind two bytes of length. A broker lives for one input.
final class BrokerTarget: FuzzTarget {
    func run(_ bytes: [UInt8]) {
        var configuration = BrokerCoreConfiguration()
        configuration.createsTopicsAutomatically = true
        configuration.maximumPartitions = 20
        var time = BrokerTime(wall: 1_700_000_000_000, monotonic: 0)
        let storage = MemoryStorage()
        guard let core = try? BrokerCore(configuration: configuration, storage: storage, time: time) else {
            fatalError("a broker on an empty disk does not start")
        }
        let engine = ProtocolEngine(core: core)
        let connection = ConnectionID(1)
        engine.open(connection, host: "127.0.0.1")
        var rest = bytes[...]
        var frames = 0
        while rest.count >= 2, frames < 32 {
            let count = min(rest.count - 2, Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1]))
            engine.receive(ByteBuffer(bytes: rest.dropFirst(2).prefix(count)), from: connection, at: time)
            rest = rest.dropFirst(2 + count)
            frames += 1
            time.monotonic += 50
            time.wall += 50
            engine.advance(to: time)
            precondition(engine.takeOutputs().count <= frames)
        }
        // Whatever they have written, a broker starts on it.
        guard (try? BrokerCore(configuration: configuration, storage: storage.copy(), time: time)) != nil else {
            fatalError("a broker does not start on what these requests have written")
        }
    }
}
