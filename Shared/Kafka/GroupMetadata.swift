internal import CRdkafka

/// A member's identity in its group at one moment: what a transaction's offsets are fenced by.
///
/// Captured when an assignment arrives. Metadata taken before joining would carry generation -1 and an empty member,
/// which brokers do not fence at all; such an object is never made.
@safe public final class GroupMetadata {
    private let pointer: OpaquePointer
    public let group: String
    public let member: String
    /// Zero or above.
    public let generation: Int32

    /// - Returns: nil before the member has joined, or when the library's format is unknown: no generation, no commit.
    init?(of handle: OpaquePointer) {
        guard let metadata = unsafe rd_kafka_consumer_group_metadata(handle) else { return nil }
        guard let identity = unsafe Self.read(metadata), identity.generation >= 0, !identity.member.isEmpty else {
            unsafe rd_kafka_consumer_group_metadata_destroy(metadata)
            return nil
        }
        unsafe pointer = metadata
        group = identity.group
        member = identity.member
        generation = identity.generation
    }

    /// Metadata of another generation: for tests of what a broker refuses.
    package init?(group: String, member: String, generation: Int32) {
        guard generation >= 0, !member.isEmpty,
            let metadata = unsafe rd_kafka_consumer_group_metadata_new_with_genid(group, generation, member, nil)
        else { return nil }
        unsafe pointer = metadata
        self.group = group
        self.member = member
        self.generation = generation
    }

    deinit {
        unsafe rd_kafka_consumer_group_metadata_destroy(pointer)
    }

    @safe func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        unsafe body(pointer)
    }

    /// librdkafka has no getter for the generation; its serialized form, the same from 1.6 to 2.15, is
    /// `CGMDv2:` generation (4 bytes, native order) group NUL member NUL ...
    private static func read(_ metadata: OpaquePointer) -> (group: String, member: String, generation: Int32)? {
        var buffer: UnsafeMutableRawPointer?
        var size = 0
        if let error = unsafe rd_kafka_consumer_group_metadata_write(metadata, &buffer, &size) {
            unsafe rd_kafka_error_destroy(error)
            return nil
        }
        guard let start = unsafe buffer else { return nil }
        defer { unsafe rd_kafka_mem_free(nil, start) }
        let bytes = unsafe Array(UnsafeRawBufferPointer(start: start, count: size))
        let magic = Array("CGMDv2:".utf8)
        guard bytes.starts(with: magic), bytes.count > magic.count + 4 else { return nil }
        let generation = unsafe bytes.span.bytes.extracting(magic.count..<magic.count + 4)
        let strings = bytes.dropFirst(magic.count + 4).split(separator: 0, omittingEmptySubsequences: false)
        guard strings.count >= 2 else { return nil }
        return unsafe (
            String(decoding: strings[strings.startIndex], as: UTF8.self),
            String(decoding: strings[strings.startIndex + 1], as: UTF8.self),
            generation.unsafeLoadUnaligned(as: Int32.self)
        )
    }
}
