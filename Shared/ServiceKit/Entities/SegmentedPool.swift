/// Memory for many small runs of one element type, addressed by `UInt32` handles.
///
/// Runs live in segments of 16,384 elements (or what `offsetBits` says), a longer run in one of its own, so that the pool grows
/// without ever copying what it holds, and a freed run is reused by the next one of its size class. A run does not move while
/// it is allocated. The pool is a plain value without locks; its owner is one task on one thread.
package struct SegmentedPool<Element: BitwiseCopyable & Equatable> {
    /// Where a run lives: segment in the upper, offset in the lower `offsetBits` bits.
    package typealias Handle = UInt32

    private let filler: Element
    private let offsetBits: UInt32
    private var segments: [[Element]] = []
    /// The segment that is being filled, and how far it is.
    private var current = 0
    private var nextFree: Int
    /// Elements of all runs, the freed ones included.
    private var allocated = 0
    /// Handles of freed runs, by size class.
    private var free: [[Handle]] = []
    /// Elements of freed runs.
    private var freed = 0

    /// - Parameter offsetBits: a segment has 2 to the power of this many elements.
    package init(filler: Element, offsetBits: UInt32 = 14) {
        self.filler = filler
        self.offsetBits = offsetBits
        // The first run opens the first segment.
        nextFree = 1 << Int(offsetBits)
    }

    private var segmentLength: Int { 1 << Int(offsetBits) }
    private func segment(of handle: Handle) -> Int { Int(handle >> offsetBits) }
    private func offset(of handle: Handle) -> Int { Int(handle & (1 << offsetBits - 1)) }

    /// Sizes between two powers of two. Bytes are written as a whole, so that finer ones cost nothing; what grows by one element at
    /// a time would be moved more often.
    private static var sizes: Int { MemoryLayout<Element>.size == 1 ? 8 : 4 }

    /// The capacity that a run of `count` elements is given: even numbers up to 8, then quarters of a power of two, of bytes
    /// eighths, so that at most so much is slack.
    package static func capacity(for count: Int) -> Int {
        if count <= 8 { return max(2, (count + 1) & ~1) }
        let step = (1 << (Int.bitWidth - (count - 1).leadingZeroBitCount - 1)) / sizes
        return (count + step - 1) & ~(step - 1)
    }

    static func sizeClass(of capacity: Int) -> Int {
        if capacity <= 8 { return capacity / 2 - 1 }
        let bits = Int.bitWidth - (capacity - 1).leadingZeroBitCount
        let half = 1 << (bits - 1)
        return 4 + (bits - 4) * sizes + (capacity - half) / (half / sizes) - 1
    }

    /// Allocates a run of `capacity(for: count)` elements.
    package mutating func allocate(_ count: Int) -> Handle {
        let capacity = Self.capacity(for: count)
        let sizeClass = Self.sizeClass(of: capacity)
        if sizeClass < free.count, let handle = free[sizeClass].popLast() {
            freed -= capacity
            return handle
        }
        allocated += capacity
        if capacity > segmentLength {
            let own = openSegment(capacity)
            segments[own].append(contentsOf: repeatElement(filler, count: capacity))
            return Handle(own) << offsetBits
        }
        if nextFree + capacity > segmentLength {
            current = openSegment(segmentLength)
            nextFree = 0
        }
        let handle = Handle(current) << offsetBits | Handle(nextFree)
        nextFree += capacity
        // A segment's memory is used as far as runs have been allocated in it.
        let filled = segments[current].count
        if nextFree > filled {
            let count = min(segmentLength, max(nextFree, filled + Self.step)) - filled
            segments[current].append(contentsOf: repeatElement(filler, count: count))
        }
        return handle
    }

    /// How many elements of a segment are made usable at a time, at least.
    private static var step: Int { 1024 }

    private mutating func openSegment(_ length: Int) -> Int {
        precondition(segments.count < 1 << (Handle.bitWidth - Int(offsetBits)), "a pool is full")
        var segment: [Element] = []
        segment.reserveCapacity(length)
        segments.append(segment)
        return segments.count - 1
    }

    /// Gives a run back. `capacity` is the one it was allocated with.
    package mutating func release(_ handle: Handle, capacity: Int) {
        let sizeClass = Self.sizeClass(of: capacity)
        while free.count <= sizeClass { free.append([]) }
        free[sizeClass].append(handle)
        freed += capacity
    }

    /// Whether more than a sixteenth of what has been allocated lies in freed runs. Runs that grow together leave small ones behind
    /// that nobody asks for again.
    var isScattered: Bool {
        freed > 256 && freed * 16 > allocated
    }

    /// Copies a run that holds `count` elements into another pool and returns its handle there.
    func copy(_ handle: Handle, count: Int, to other: inout Self) -> Handle {
        let target = other.allocate(count)
        let start = offset(of: handle)
        other.write(segments[segment(of: handle)][start..<start + count], to: target)
        return target
    }

    subscript(handle: Handle, index: Int) -> Element {
        get { segments[segment(of: handle)][offset(of: handle) + index] }
        set { segments[segment(of: handle)][offset(of: handle) + index] = newValue }
    }

    /// Appends the run's first `count` elements to `target`.
    func append(_ handle: Handle, count: Int, to target: inout [Element]) {
        let start = offset(of: handle)
        target.append(contentsOf: segments[segment(of: handle)][start..<start + count])
    }

    package mutating func write(_ source: some Collection<Element>, to handle: Handle) {
        let start = offset(of: handle)
        var target = segments[segment(of: handle)].mutableSpan
        var place = start
        for element in source {
            target[place] = element
            place += 1
        }
    }

    /// Moves a run that holds `count` elements into one for `newCount` and returns its handle.
    mutating func move(_ handle: Handle, count: Int, capacity: Int, to newCount: Int) -> Handle {
        let target = allocate(newCount)
        for index in 0..<count { self[target, index] = self[handle, index] }
        release(handle, capacity: capacity)
        return target
    }

    /// Whether the run holds exactly `other`.
    package func equals(_ handle: Handle, count: Int, _ other: [Element]) -> Bool {
        guard count == other.count else { return false }
        let start = offset(of: handle)
        return segments[segment(of: handle)][start..<start + count].elementsEqual(other)
    }

    /// The first index in the run whose element satisfies `matches`.
    @inline(__always)
    func firstIndex(_ handle: Handle, count: Int, where matches: (Element) -> Bool) -> Int? {
        let start = offset(of: handle)
        let segment = segments[segment(of: handle)]
        for index in start..<start + count where matches(segment[index]) { return index - start }
        return nil
    }
}

extension SegmentedPool<UInt8> {
    mutating func write(_ source: borrowing RawSpan, to handle: Handle) {
        let start = offset(of: handle)
        unsafe source.withUnsafeBytes { bytes in
            unsafe segments[segment(of: handle)].withUnsafeMutableBytes { target in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: bytes)
            }
        }
    }

    /// Passes the run's first `count` bytes where they lie.
    @inline(__always)
    func withBytes<Result, Failure: Error>(
        of handle: Handle, count: Int, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = offset(of: handle)
        let segment = segments[segment(of: handle)]
        let elements = segment.span
        return try unsafe body(elements.bytes.extracting(start..<start + count))
    }

    /// Whether the run begins with these bytes.
    @inline(__always)
    func equals(_ handle: Handle, _ other: borrowing RawSpan) -> Bool {
        let start = offset(of: handle)
        let segment = segments[segment(of: handle)]
        let elements = segment.span
        let run = unsafe elements.bytes.extracting(start..<start + other.byteCount)
        var index = 0
        while index + 8 <= other.byteCount {
            let left = unsafe run.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let right = unsafe other.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            if left != right { return false }
            index += 8
        }
        while index < other.byteCount {
            if run.byte(at: index) != other.byte(at: index) { return false }
            index += 1
        }
        return true
    }
}
