/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes a step by table look-up ("slicing-by-8", Kounavis and Berry 2005).
@safe package struct CRC32C {
    private var state: UInt32 = 0xffff_ffff

    package init() {}

    package var value: UInt32 { ~state }

    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        unsafe crc.update(bytes)
        return crc.value
    }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var crc = UInt32(index)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables[index] = (previous >> 8) ^ tables[Int(previous & 0xff)]
        }
        return tables
    }()

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        unsafe Self.tables.withUnsafeBufferPointer { (table: UnsafeBufferPointer<UInt32>) in
            guard let t = table.baseAddress else { return }
            var offset = 0
            let count = bytes.count
            while offset &+ 8 <= count {
                let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                let a = unsafe t[1792 &+ Int(low & 0xff)] ^ t[1536 &+ Int(low >> 8 & 0xff)]
                let b = unsafe t[1280 &+ Int(low >> 16 & 0xff)] ^ t[1024 &+ Int(low >> 24)]
                let c = unsafe t[768 &+ Int(high & 0xff)] ^ t[512 &+ Int(high >> 8 & 0xff)]
                let d = unsafe t[256 &+ Int(high >> 16 & 0xff)] ^ t[Int(high >> 24)]
                crc = a ^ b ^ c ^ d
                offset &+= 8
            }
            while offset < count {
                crc = unsafe (crc >> 8) ^ t[Int((crc ^ UInt32(bytes[offset])) & 0xff)]
                offset &+= 1
            }
        }
        state = crc
    }
}
