import CLocalBroker
package import NIOCore

/// How the records of a batch are compressed: the low three bits of its attributes. The broker stores and serves batches as they
/// came; it looks inside only where it must (compaction, exact look-ups by time, keys of compacted topics).
package enum CompressionCodec: Int, CaseIterable, Sendable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// The records, or nil when the bytes are not what the codec makes or would grow beyond `limit` bytes: what comes from outside
    /// may be a bomb.
    package func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        switch self {
        case .none: bytes.readableBytes <= limit ? bytes : nil
        case .gzip: Gzip.decompress(bytes, limit: limit)
        case .snappy: Snappy.decompress(bytes, limit: limit)
        case .lz4: LZ4.decompress(bytes, limit: limit)
        case .zstd: Zstandard.decompress(bytes, limit: limit)
        }
    }

    /// Nil only when memory is out.
    package func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        switch self {
        case .none: bytes
        case .gzip: Gzip.compress(bytes)
        case .snappy: Snappy.compress(bytes)
        case .lz4: LZ4.compress(bytes)
        case .zstd: Zstandard.compress(bytes)
        }
    }

    /// Output grows in steps of this, so that a batch that merely claims to be large costs nothing.
    fileprivate static func step(_ count: Int, limit: Int) -> Int { min(max(count * 4, 16 << 10), 1 << 20, limit + 1) }
}

private enum Gzip {
    static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        var stream = unsafe z_stream()
        guard unsafe clocalbroker_gunzip_init(&stream) == Z_OK else { return nil }
        defer { unsafe inflateEnd(&stream) }
        let step = CompressionCodec.step(bytes.readableBytes, limit: limit)
        var output = ByteBufferAllocator().buffer(capacity: step)
        return unsafe bytes.withUnsafeReadableBytes { input in
            unsafe stream.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.avail_in = UInt32(clamping: input.count)
            while true {
                var status: Int32 = Z_OK
                unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: step) { target in
                    unsafe stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    unsafe stream.avail_out = UInt32(clamping: target.count)
                    status = unsafe inflate(&stream, Z_NO_FLUSH)
                    return unsafe target.count - Int(stream.avail_out)
                }
                guard output.readableBytes <= limit else { return nil }
                if status == Z_STREAM_END { return output }
                guard status == Z_OK, unsafe stream.avail_in > 0 || stream.avail_out == 0 else { return nil }
            }
        }
    }

    static func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        var stream = unsafe z_stream()
        guard unsafe clocalbroker_gzip_init(&stream) == Z_OK else { return nil }
        defer { unsafe deflateEnd(&stream) }
        let bound = unsafe Int(deflateBound(&stream, UInt(bytes.readableBytes)))
        var output = ByteBufferAllocator().buffer(capacity: bound)
        var status: Int32 = Z_OK
        unsafe bytes.withUnsafeReadableBytes { input in
            unsafe stream.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.avail_in = UInt32(clamping: input.count)
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
                unsafe stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe stream.avail_out = UInt32(clamping: target.count)
                status = unsafe deflate(&stream, Z_FINISH)
                return unsafe target.count - Int(stream.avail_out)
            }
        }
        return status == Z_STREAM_END ? output : nil
    }
}

/// Java clients frame Snappy as the Xerial library does (a head, then blocks with their length); librdkafka sends one bare block.
private enum Snappy {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]
    private static let blockSize = 32 << 10

    static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        guard bytes.getBytes(at: bytes.readerIndex, length: magic.count) == magic else {
            var output = ByteBuffer()
            return append(bytes, to: &output, limit: limit) ? output : nil
        }
        var input = bytes
        input.moveReaderIndex(forwardBy: magic.count)
        guard input.readInteger(as: Int32.self) != nil, input.readInteger(as: Int32.self) != nil else { return nil }
        var output = ByteBuffer()
        while input.readableBytes > 0 {
            guard let length = input.readInteger(as: Int32.self), length >= 0,
                let block = input.readSlice(length: Int(length)),
                append(block, to: &output, limit: limit)
            else { return nil }
        }
        return output
    }

    private static func append(_ block: ByteBuffer, to output: inout ByteBuffer, limit: Int) -> Bool {
        unsafe block.withUnsafeReadableBytes { input in
            let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
            var size = 0
            guard unsafe snappy_uncompressed_length(source, input.count, &size) == SNAPPY_OK,
                size <= limit - output.readableBytes,
                // The format cannot do better than 64 bytes out of 3.
                size <= input.count * 22
            else { return false }
            var status = SNAPPY_OK
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: max(1, size)) { target in
                var written = target.count
                status = unsafe snappy_uncompress(
                    source, input.count, target.baseAddress?.assumingMemoryBound(to: CChar.self), &written)
                return status == SNAPPY_OK ? written : 0
            }
            return status == SNAPPY_OK
        }
    }

    static func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        var output = ByteBufferAllocator().buffer(capacity: bytes.readableBytes / 2 + 64)
        output.writeBytes(magic)
        output.writeInteger(1 as Int32)
        output.writeInteger(1 as Int32)
        var input = bytes
        while input.readableBytes > 0 {
            guard let block = input.readSlice(length: min(blockSize, input.readableBytes)) else { return nil }
            let bound = snappy_max_compressed_length(block.readableBytes)
            let lengthIndex = output.writerIndex
            output.writeInteger(0 as Int32)
            var status = SNAPPY_OK
            let count = unsafe block.withUnsafeReadableBytes { source in
                unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
                    var written = target.count
                    status = unsafe snappy_compress(
                        source.baseAddress?.assumingMemoryBound(to: CChar.self), source.count,
                        target.baseAddress?.assumingMemoryBound(to: CChar.self), &written)
                    return status == SNAPPY_OK ? written : 0
                }
            }
            guard status == SNAPPY_OK else { return nil }
            output.setInteger(Int32(clamping: count), at: lengthIndex)
        }
        return output
    }
}

private enum LZ4 {
    static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        var context: OpaquePointer?
        guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
            return nil
        }
        defer { unsafe LZ4F_freeDecompressionContext(context) }
        let step = CompressionCodec.step(bytes.readableBytes, limit: limit)
        var output = ByteBufferAllocator().buffer(capacity: step)
        return unsafe bytes.withUnsafeReadableBytes { input in
            var position = 0
            while true {
                var hint = 0
                var used = 0
                let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: step) { target in
                    var size = target.count
                    used = input.count - position
                    hint = unsafe LZ4F_decompress(
                        context, target.baseAddress, &size, input.baseAddress?.advanced(by: position), &used, nil)
                    return LZ4F_isError(hint) == 0 ? size : 0
                }
                guard LZ4F_isError(hint) == 0, output.readableBytes <= limit else { return nil }
                position += used
                if hint == 0 { return output }
                guard used > 0 || written > 0 else { return nil }
            }
        }
    }

    static func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        let bound = LZ4F_compressFrameBound(bytes.readableBytes, nil)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        var size = 0
        _ = unsafe bytes.withUnsafeReadableBytes { input in
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
                // Kafka's clients read independent blocks only, which a frame of one call without preferences does not have.
                var preferences = LZ4F_preferences_t()
                preferences.frameInfo.blockMode = LZ4F_blockIndependent
                size = unsafe LZ4F_compressFrame(
                    target.baseAddress, target.count, input.baseAddress, input.count, &preferences)
                return LZ4F_isError(size) == 0 ? size : 0
            }
        }
        return LZ4F_isError(size) == 0 ? output : nil
    }
}

private enum Zstandard {
    static func decompress(_ bytes: ByteBuffer, limit: Int) -> ByteBuffer? {
        guard let stream = unsafe ZSTD_createDStream() else { return nil }
        defer { unsafe ZSTD_freeDStream(stream) }
        // A frame may ask for a window of gigabytes.
        guard unsafe ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)) == 0 else { return nil }
        let step = CompressionCodec.step(bytes.readableBytes, limit: limit)
        var output = ByteBufferAllocator().buffer(capacity: step)
        return unsafe bytes.withUnsafeReadableBytes { input in
            var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            while true {
                var hint = 0
                let before = unsafe source.pos
                let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: step) { target in
                    var sink = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    hint = unsafe ZSTD_decompressStream(stream, &sink, &source)
                    return unsafe sink.pos
                }
                guard ZSTD_isError(hint) == 0, output.readableBytes <= limit else { return nil }
                if hint == 0, unsafe source.pos == source.size { return output }
                guard unsafe source.pos > before || written > 0 else { return nil }
            }
        }
    }

    static func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        let bound = ZSTD_compressBound(bytes.readableBytes)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        var size = 0
        _ = unsafe bytes.withUnsafeReadableBytes { input in
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
                size = unsafe ZSTD_compress(target.baseAddress, target.count, input.baseAddress, input.count, 3)
                return ZSTD_isError(size) == 0 ? size : 0
            }
        }
        return ZSTD_isError(size) == 0 ? output : nil
    }
}
