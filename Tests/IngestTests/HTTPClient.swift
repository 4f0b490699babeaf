import NIOCore
import NIOPosix
import Testing

/// A client that says exactly the bytes it is given, for requests that no well-behaved client would send.
struct HTTPClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: String
    }

    let port: Int

    /// One request on a connection of its own.
    func request(
        _ method: String = "POST", _ path: String = "/v1/events", headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        let bytes = Array("\(head)\r\n".utf8) + (body ?? [])
        return try #require(try await Self.parse(exchange([bytes])))
    }

    func post(_ type: String, _ body: String, headers: [(String, String)] = []) async throws -> Answer {
        try await request(headers: [("Content-Type", type)] + headers, body: Array(body.utf8))
    }

    /// Sends the parts, each after the one before has been written, and reads until the server closes.
    ///
    /// - Parameter mustSendAll: Fails when the server does not take every part.
    func exchange(_ parts: [[UInt8]], mustSendAll: Bool = false) async throws -> [UInt8] {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            // The server may answer, and close, before it has read everything.
            for part in parts {
                do { try await outbound.write(ByteBuffer(bytes: part)) } catch { if mustSendAll { throw error } }
            }
            var received: [UInt8] = []
            do {
                for try await part in inbound { received += part.readableBytesView }
            } catch let error as IOError where error.errnoCode == 104 {
                // Reset by the peer: it closed while we were still sending.
            }
            return received
        }
    }

    /// Sends bytes and closes the connection without waiting for an answer.
    func sendAndHangUp(_ bytes: [UInt8]) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
        try await channel.close().get()
    }

    static func parse(_ bytes: [UInt8]) -> Answer? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].drop { $0 == " " }.description
        }
        return Answer(status: status, headers: headers, body: String(text[end.upperBound...]))
    }
}
