import CDeskbeat

/// zlib's inflate over gzip members, one after the other (a file may hold several). Output comes in bounded steps, so
/// that a small file that inflates to a huge one costs no memory.
@safe
final class Inflater {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// True before the first byte of a member and after the last one: where the data may end.
    private(set) var isBetweenMembers = true
    /// Whether `step` can yield nothing more before it is given input.
    var needsInput: Bool { offset == input.count && !holdsOutput }

    private static let chunk = 256 * 1024
    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8] = []
    private var offset = 0
    private var holdsOutput = false

    init() throws(Failure) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        guard unsafe deskbeat_gunzip_init(stream) == Z_OK else {
            // `deinit` frees the stream: everything is initialised by now.
            throw Failure(description: "zlib could not be started")
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Takes the next compressed bytes; only when `needsInput`.
    func supply(_ bytes: [UInt8]) {
        precondition(needsInput)
        input = bytes
        offset = 0
    }

    /// Appends at most one chunk of what the input inflates to.
    func step(into output: inout [UInt8]) throws(Failure) {
        var result = Z_OK
        let block = unsafe [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
            unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe stream.pointee.next_in = source.baseAddress.map { unsafe $0 + offset }
                unsafe stream.pointee.avail_in = UInt32(source.count - offset)
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(Self.chunk)
                result = unsafe CDeskbeat.inflate(stream, Z_NO_FLUSH)
                offset = unsafe source.count - Int(stream.pointee.avail_in)
                filled = unsafe Self.chunk - Int(stream.pointee.avail_out)
                unsafe stream.pointee.next_in = nil
                unsafe stream.pointee.next_out = nil
            }
        }
        output.append(contentsOf: block)
        holdsOutput = block.count == Self.chunk
        switch result {
        case Z_STREAM_END:
            isBetweenMembers = true
            holdsOutput = false
            unsafe inflateReset(stream)
        case Z_OK: isBetweenMembers = false
        case Z_BUF_ERROR: break  // Nothing to be done without more input, which is no error.
        default: throw Failure(description: "the gzip data is damaged (zlib error \(result))")
        }
    }
}
