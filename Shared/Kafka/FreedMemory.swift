internal import CRdkafka

/// Memory that has been freed and that the C library still holds.
package enum FreedMemory {
    /// Gives it back to the system.
    ///
    /// What a consumer has fetched ahead is freed record by record; the allocator then holds as much as once was there, and the
    /// process looks as large as its greatest backlog. Takes about a millisecond for each 10 MB: not for a hot path.
    package static func giveBack() { crdkafka_release_freed_memory() }

    /// Has the threads that are started from now on share so many of the allocator's heaps. By default there are eight for each
    /// processor, and what a thread has freed in one stays there when the thread has ended.
    package static func limitHeaps(to count: Int) { crdkafka_limit_heaps(Int32(clamping: count)) }

    /// Has the allocator hold from now on what is freed, until ``giveBack()``: for a backlog, which asks for it again at once.
    package static func keep() { crdkafka_keep_freed_memory() }
}
