import CLocalBroker

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4): of all work on a produced batch the most expensive. By the processor's instruction
/// where it has one, else sixteen bytes a step by table look-up ("slicing", Kounavis and Berry 2005).
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
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for index in 0..<256 {
            var crc = UInt32(index)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<(16 * 256) {
            let previous = tables[index - 256]
            tables[index] = (previous >> 8) ^ tables[Int(previous & 0xff)]
        }
        return tables
    }()

    private static let hasInstruction = clocalbroker_has_crc32c() == 1

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if Self.hasInstruction {
            state = unsafe clocalbroker_crc32c(state, bytes.baseAddress, bytes.count)
        } else {
            unsafe updateByTable(bytes)
        }
    }

    /// The same without the instruction.
    package mutating func updateByTable(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        unsafe Self.tables.withUnsafeBufferPointer { (table: UnsafeBufferPointer<UInt32>) in
            guard let t = table.baseAddress else { return }
            var offset = 0
            let count = bytes.count
            while offset &+ 16 <= count {
                let first = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let second = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
                let mixed = first ^ UInt64(crc)
                let a = unsafe t[3840 &+ Int(mixed & 0xff)] ^ t[3584 &+ Int(mixed >> 8 & 0xff)]
                let b = unsafe t[3328 &+ Int(mixed >> 16 & 0xff)] ^ t[3072 &+ Int(mixed >> 24 & 0xff)]
                let c = unsafe t[2816 &+ Int(mixed >> 32 & 0xff)] ^ t[2560 &+ Int(mixed >> 40 & 0xff)]
                let d = unsafe t[2304 &+ Int(mixed >> 48 & 0xff)] ^ t[2048 &+ Int(mixed >> 56)]
                let e = unsafe t[1792 &+ Int(second & 0xff)] ^ t[1536 &+ Int(second >> 8 & 0xff)]
                let f = unsafe t[1280 &+ Int(second >> 16 & 0xff)] ^ t[1024 &+ Int(second >> 24 & 0xff)]
                let g = unsafe t[768 &+ Int(second >> 32 & 0xff)] ^ t[512 &+ Int(second >> 40 & 0xff)]
                let h = unsafe t[256 &+ Int(second >> 48 & 0xff)] ^ t[Int(second >> 56)]
                crc = (a ^ b ^ c ^ d) ^ (e ^ f ^ g ^ h)
                offset &+= 16
            }
            while offset < count {
                crc = unsafe (crc >> 8) ^ t[Int((crc ^ UInt32(bytes[offset])) & 0xff)]
                offset &+= 1
            }
        }
        state = crc
    }
}
