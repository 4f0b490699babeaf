/// Arrays that hold what a state is made of.
extension Array {
    /// Makes room for so many more elements. An array that appends doubles when it is full, and of a large one up to half lies
    /// idle; this one grows by a quarter.
    @inlinable
    package mutating func reserveSparingly(_ additional: Int = 1) {
        let needed = count + additional
        if needed > capacity, capacity >= 4_096 { reserveCapacity(Swift.max(needed, capacity + capacity / 4)) }
    }

    /// Empties a list that is filled again and again, and keeps its memory unless that is more than 64 KiB.
    @inlinable
    package mutating func removeAllSparingly() {
        removeAll(keepingCapacity: capacity * MemoryLayout<Element>.stride <= 65_536)
    }
}
