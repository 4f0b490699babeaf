import NIOCore

/// Cuts the byte stream of a connection into frames and hands them to the broker's thread.
///
/// Back-pressure: while as many requests are under way as the limits allow (handed over, and their responses not yet written to
/// the socket), nothing more is read, so a client that does not take its responses holds a bounded amount of memory.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let id: ConnectionID
    private let inbox: BrokerInbox
    private let maximumFrame: Int
    private var partial: ByteBuffer?
    private var outstanding = 0
    private var outstandingBytes = 0
    private var sizes: CircularBuffer<Int> = []
    private var isReadHeld = false

    private static let maximumOutstanding = 16
    private static let maximumOutstandingBytes = 16 << 20

    init(id: ConnectionID, inbox: BrokerInbox, maximumFrame: Int) {
        self.id = id
        self.inbox = inbox
        self.maximumFrame = maximumFrame
    }

    func channelActive(context: ChannelHandlerContext) {
        inbox.send(.opened(id, context.channel))
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        inbox.send(.closed(id))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private var isFull: Bool {
        outstanding >= Self.maximumOutstanding || outstandingBytes >= Self.maximumOutstandingBytes
    }

    func read(context: ChannelHandlerContext) {
        if isFull { isReadHeld = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        var frames: [ByteBuffer] = []
        while input.readableBytes > 0 || partial != nil {
            switch nextFrame(&input) {
            case .frame(let frame): frames.append(frame)
            case .incomplete:
                deliver(frames)
                return
            case .invalid(let length):
                deliver(frames)
                inbox.send(.invalid(id, "a frame of \(length) bytes"))
                context.close(promise: nil)
                return
            }
        }
        deliver(frames)
    }

    private func deliver(_ frames: [ByteBuffer]) {
        guard !frames.isEmpty else { return }
        for frame in frames {
            outstanding += 1
            outstandingBytes += frame.readableBytes
            sizes.append(frame.readableBytes)
        }
        inbox.send(.frames(id, frames))
    }

    private enum Cut {
        case frame(ByteBuffer)
        case incomplete
        case invalid(Int)
    }

    /// The next whole frame. What is incomplete is kept in a buffer that grows as data comes, never by what a length merely claims.
    private func nextFrame(_ input: inout ByteBuffer) -> Cut {
        if partial == nil {
            guard input.readableBytes > 0 else { return .incomplete }
            if let length = input.getInteger(at: input.readerIndex, as: Int32.self) {
                guard length >= 8, Int(length) <= maximumFrame else { return .invalid(Int(length)) }
                if input.readableBytes >= 4 + Int(length) {
                    input.moveReaderIndex(forwardBy: 4)
                    return input.readSlice(length: Int(length)).map(Cut.frame) ?? .incomplete
                }
            }
            partial = ByteBuffer()
        }
        guard var buffer = partial.take() else { return .incomplete }
        if buffer.readableBytes < 4,
            var head = input.readSlice(length: min(4 - buffer.readableBytes, input.readableBytes))
        {
            buffer.writeBuffer(&head)
        }
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: Int32.self) else {
            partial = buffer
            return .incomplete
        }
        guard length >= 8, Int(length) <= maximumFrame else { return .invalid(Int(length)) }
        let missing = 4 + Int(length) - buffer.readableBytes
        if var more = input.readSlice(length: min(missing, input.readableBytes)) {
            if buffer.writableBytes < more.readableBytes {
                buffer.reserveCapacity(
                    buffer.readableBytes + min(missing, max(more.readableBytes, max(buffer.readableBytes, 64 << 10))))
            }
            buffer.writeBuffer(&more)
        }
        guard buffer.readableBytes == 4 + Int(length) else {
            partial = buffer
            return .incomplete
        }
        buffer.moveReaderIndex(forwardBy: 4)
        return .frame(buffer)
    }

    /// Writes the response to the oldest request under way; nil when it wants none.
    func respond(_ parts: [ByteBuffer]?, context: ChannelHandlerContext) {
        guard let parts, !parts.isEmpty else { return requestDone(context: context) }
        for part in parts.dropLast() { context.write(wrapOutboundOut(part), promise: nil) }
        let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            let (handler, context) = handler.value
            handler.requestDone(context: context)
        }
        context.write(wrapOutboundOut(parts[parts.count - 1]), promise: written)
    }

    private func requestDone(context: ChannelHandlerContext) {
        outstanding -= 1
        if let size = sizes.popFirst() { outstandingBytes -= size }
        if isReadHeld, !isFull {
            isReadHeld = false
            context.read()
        }
    }
}
