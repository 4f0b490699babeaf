internal import CRdkafka

/// Memory that has been freed and that the C library still holds.
package enum FreedMemory {
    /// Gives it back to the system.
    ///
    /// What a consumer has fetched ahead is freed record by record; the allocator then holds as much as once was there, and the
    /// process looks as large as its greatest backlog. Takes about a millisecond for each 10 MB: not for a hot path.
    package static func giveBack() { crdkafka_release_freed_memory() }

    /// Has the allocator hold from now on what is freed, until ``giveBack()``: for a backlog, which asks for it again at once.
    package static func keep() { crdkafka_keep_freed_memory() }
}
