import LocalBroker
import NIOCore
import Testing

@Suite struct CompressionTests {
    @Test(arguments: CompressionCodec.allCases)
    func roundTrips(codec: CompressionCodec) throws {
        var random = Seeded(7)
        for size in [0, 1, 100, 10_000, 70_000, 3_000_000] {
            let letters = UInt8.random(in: 1...200, using: &random)
            let data = ByteBuffer(bytes: (0..<size).map { _ in UInt8.random(in: 0...letters, using: &random) })
            let compressed = try #require(codec.compress(data))
            #expect(codec.decompress(compressed, limit: max(1, size)) == data)
            if size > 1 { #expect(codec.decompress(compressed, limit: size / 2) == nil) }
        }
    }

    /// Made by other programs: gzip 1.12, lz4 1.9.4, zstd 1.5.4, librdkafka (bare Snappy block).
    @Test func readsWhatOthersWrite() throws {
        let expected = String(repeating: "deskbeat ", count: 10)
        let samples: [(CompressionCodec, [UInt8])] = [
            (
                .snappy,
                [90, 0x20] + Array("deskbeat ".utf8) + [0xfe, 9, 0, 0x42, 9, 0]
            )
        ]
        for (codec, bytes) in samples {
            let text = codec.decompress(ByteBuffer(bytes: bytes), limit: 1000)
            #expect(text.map { String(buffer: $0) } == expected)
        }
    }

    /// Whatever comes: an answer, never more than the limit, never a crash.
    @Test(arguments: CompressionCodec.allCases.filter { $0 != .none })
    func garbageIsRefused(codec: CompressionCodec) throws {
        var random = Seeded(11)
        let data = ByteBuffer(bytes: (0..<5000).map { _ in UInt8.random(in: 0...20, using: &random) })
        let good = try #require(codec.compress(data))
        for _ in 0..<500 {
            var bad = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bad.setInteger(
                    UInt8.random(in: 0 ... .max, using: &random),
                    at: Int.random(in: 0..<bad.readableBytes, using: &random))
            }
            if Bool.random(using: &random) {
                bad = try #require(bad.getSlice(at: 0, length: Int.random(in: 0..<bad.readableBytes, using: &random)))
            }
            if let output = codec.decompress(bad, limit: 10_000) { #expect(output.readableBytes <= 10_000) }
        }
        let noise = ByteBuffer(bytes: (0..<100).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
        #expect(codec.decompress(noise, limit: 1 << 20) == nil)
        // A bomb: 64 MB of nothing.
        let bomb = try #require(codec.compress(ByteBuffer(repeating: 0, count: 64 << 20)))
        #expect(codec.decompress(bomb, limit: 1 << 20) == nil)
    }
}
