/// What a partition remembers of one producer, to recognise duplicates, gaps, zombies and open transactions.
struct ProducerState: Equatable {
    struct Batch: Equatable {
        var firstSequence: Int32
        var lastSequence: Int32
        var firstOffset: Int64
        var timestamp: Int64

        var lastOffset: Int64 {
            firstOffset &+ ((Int64(lastSequence) &- Int64(firstSequence)) & 0x7fff_ffff)
        }
    }

    var epoch: Int16
    /// The last five batches of this epoch, oldest first; five is what a producer may have in flight.
    var batches: [Batch] = []
    /// The base offset of the open transaction in this partition.
    var transactionFirstOffset: Int64?
    /// Wall time of the last append, in milliseconds; idle producers are forgotten.
    var lastAppend: Int64

    static let rememberedBatches = 5

    init(epoch: Int16, lastAppend: Int64) {
        self.epoch = epoch
        self.lastAppend = lastAppend
    }

    mutating func add(_ header: RecordBatchHeader, firstOffset: Int64, now: Int64) {
        if header.producerEpoch != epoch {
            epoch = header.producerEpoch
            batches.removeAll(keepingCapacity: true)
        }
        if batches.count == Self.rememberedBatches { batches.removeFirst() }
        batches.append(
            Batch(
                firstSequence: header.baseSequence, lastSequence: header.lastSequence, firstOffset: firstOffset,
                timestamp: header.maxTimestamp))
        lastAppend = now
    }

    mutating func endTransaction(epoch: Int16, now: Int64) {
        if epoch != self.epoch {
            self.epoch = epoch
            batches.removeAll(keepingCapacity: true)
        }
        transactionFirstOffset = nil
        lastAppend = now
    }

    enum Verdict: Equatable {
        case inSequence
        case duplicate(Batch)
        case rejected(ErrorCode)
    }

    /// Judges the next batch of this producer, as Kafka's `ProducerAppendInfo` does.
    func judge(_ header: RecordBatchHeader) -> Verdict {
        if header.producerEpoch == epoch, header.baseSequence >= 0,
            let duplicate = batches.first(where: {
                $0.firstSequence == header.baseSequence && $0.lastSequence == header.lastSequence
            })
        {
            return .duplicate(duplicate)
        }
        guard header.producerEpoch >= epoch else { return .rejected(.invalidProducerEpoch) }
        guard header.producerEpoch == epoch else {
            return header.baseSequence == 0 ? .inSequence : .rejected(.outOfOrderSequenceNumber)
        }
        let last = batches.last?.lastSequence ?? -1
        let next = last == .max ? 0 : last + 1
        return header.baseSequence == next ? .inSequence : .rejected(.outOfOrderSequenceNumber)
    }
}

/// A transaction that has written to a partition and has not ended there: the first of them bounds the last stable offset.
struct OpenTransaction: Equatable {
    var producerID: Int64
    var firstOffset: Int64
    var segmentBaseOffset: Int64
    var position: Int
}

/// A transaction that was aborted in a partition; a `read_committed` consumer drops its records.
package struct AbortedTransaction: Equatable, Sendable {
    package var producerID: Int64
    package var firstOffset: Int64
    /// The offset of its marker.
    package var lastOffset: Int64
    /// The last stable offset once it had ended.
    package var lastStableOffset: Int64
}
