/// Lines of a byte source without their line ends; blank ones are passed over.
package final class LineReader {
    package enum Line: Equatable {
        /// `bytes[range]` is the line.
        case line(Range<Int>)
        /// Longer than the limit; it was passed over.
        case tooLong
        case end
    }

    /// Valid until the next call of `next`.
    package private(set) var bytes: [UInt8] = []
    /// Of the line returned last, from 1.
    package private(set) var number = 0

    private let source: ByteSource
    private let limit: Int
    private var position = 0
    private var atEnd = false

    /// - Parameter limit: the longest line that is returned, in bytes.
    package init(_ source: ByteSource, limit: Int = 1_048_576) {
        self.source = source
        self.limit = limit
    }

    package func next() throws(InputError) -> Line {
        while true {
            var tooLong = false
            var scanned = position
            var end = bytes.count
            while true {
                if let found = bytes[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
                    end = found
                    break
                }
                if bytes.count - position > limit {
                    tooLong = true
                    position = bytes.count
                }
                if atEnd {
                    if position == bytes.count, !tooLong { return .end }
                    end = bytes.count
                    break
                }
                bytes.removeSubrange(..<position)
                position = 0
                scanned = bytes.count
                atEnd = try !source.read(into: &bytes)
            }
            number += 1
            let start = position
            position = min(end + 1, bytes.count)
            if tooLong || end - start > limit { return .tooLong }
            let stop = end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
            if bytes[start..<stop].contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) {
                return .line(start..<stop)
            }
        }
    }
}
