/// Which partition a key belongs to: murmur2 with the sign bit masked, as Java's `DefaultPartitioner` computes it
/// (`Utils.toPositive(Utils.murmur2(key)) % count`), so that producers in every language can agree with us.
public enum Partitioner {
    /// - Parameters:
    ///   - key: the record's key; an empty key is a key.
    ///   - count: the topic's number of partitions, above zero.
    public static func partition(key: RawSpan, count: Int32) -> Int32 {
        precondition(count > 0, "a topic has at least one partition")
        return Int32(truncatingIfNeeded: murmur2(key) & 0x7fff_ffff) % count
    }

    public static func partition(key: [UInt8], count: Int32) -> Int32 {
        unsafe partition(key: key.span.bytes, count: count)
    }

    /// Austin Appleby's MurmurHash2 with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
    static func murmur2(_ data: RawSpan) -> UInt32 {
        let m: UInt32 = 0x5bd1_e995
        let length = data.byteCount
        var h: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: length)
        let blocks = length / 4
        for block in 0..<blocks {
            var k = unsafe UInt32(littleEndian: data.unsafeLoadUnaligned(fromByteOffset: block &* 4, as: UInt32.self))
            k = k &* m
            k ^= k >> 24
            k = k &* m
            h = h &* m
            h ^= k
        }
        let tail = blocks &* 4
        let rest = length &- tail
        if rest > 0 {
            if rest == 3 { h ^= byte(data, tail + 2) << 16 }
            if rest >= 2 { h ^= byte(data, tail + 1) << 8 }
            h ^= byte(data, tail)
            h = h &* m
        }
        h ^= h >> 13
        h = h &* m
        h ^= h >> 15
        return h
    }

    private static func byte(_ data: RawSpan, _ offset: Int) -> UInt32 {
        UInt32(unsafe data.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }
}
