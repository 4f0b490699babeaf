import Kafka
import Testing

struct PartitionerTests {
    /// From Apache Kafka's own `UtilsTest.testMurmur2`: key and signed hash.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ])
    func hashesAreJavas(_ key: String, _ hash: Int32) {
        let positive = hash & 0x7fff_ffff
        #expect(Partitioner.partition(key: Array(key.utf8), count: .max) == positive % .max)
        for count: Int32 in [1, 2, 4, 12, 1_000] {
            #expect(Partitioner.partition(key: Array(key.utf8), count: count) == positive % count)
        }
    }

    @Test func anEmptyKeyIsAKey() {
        // murmur2 of nothing, from librdkafka's own unit test (rdmurmur2.c).
        #expect(Partitioner.partition(key: [], count: .max) == 0x106e_08d9)
    }
}
