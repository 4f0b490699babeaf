/// The part of librdkafka's statistics that is worth watching (its STATISTICS.md describes the whole).
public struct KafkaStatistics: Decodable, Sendable {
    /// The handle's name.
    public var name: String
    public var type: String
    /// Operations that wait to be served by a poll.
    public var replyq: Int64
    /// Messages in the producer's queue.
    public var messageCount: Int64?
    public var messageBytes: Int64?
    public var brokers: [String: Broker]
    public var topics: [String: Topic]
    public var group: Group?
    public var transaction: Transaction?

    enum CodingKeys: String, CodingKey {
        case name
        case type
        case replyq
        case messageCount = "msg_cnt"
        case messageBytes = "msg_size"
        case brokers
        case topics
        case group = "cgrp"
        case transaction = "eos"
    }

    public struct Broker: Decodable, Sendable {
        public var name: String
        public var nodeid: Int32
        /// `UP`, `DOWN`, `TRY_CONNECT` ...
        public var state: String
        /// Round trip time.
        public var rtt: Percentiles?
    }

    /// Microseconds over the last interval.
    public struct Percentiles: Decodable, Sendable {
        public var avg: Int64
        public var p99: Int64
    }

    public struct Topic: Decodable, Sendable {
        public var partitions: [String: Partition]
    }

    public struct Partition: Decodable, Sendable {
        public var partition: Int32
        /// The offset after the last record that a poll has returned; negative before the first.
        public var position: Int64?
        public var highWatermark: Int64?
        /// Negative where the broker does not tell.
        public var lastStableOffset: Int64?

        enum CodingKeys: String, CodingKey {
            case partition
            case position = "app_offset"
            case highWatermark = "hi_offset"
            case lastStableOffset = "ls_offset"
        }

        /// How many offsets polls are behind the end; nil while one of them is unknown.
        ///
        /// Not librdkafka's own `consumer_lag`: that counts from the offset which the consumer has committed, and a
        /// stream's offsets are committed by its producer.
        public var lag: Int64? {
            guard let position, position >= 0 else { return nil }
            let end = lastStableOffset.flatMap { $0 >= 0 ? $0 : nil } ?? highWatermark ?? -1
            return end >= 0 ? max(0, end - position) : nil
        }
    }

    public struct Group: Decodable, Sendable {
        public var state: String
        public var joinState: String
        public var rebalances: Int64

        enum CodingKeys: String, CodingKey {
            case state
            case joinState = "join_state"
            case rebalances = "rebalance_cnt"
        }
    }

    public struct Transaction: Decodable, Sendable {
        public var state: String
        /// Milliseconds since the last change of state.
        public var stateAge: Int64

        enum CodingKeys: String, CodingKey {
            case state = "txn_state"
            case stateAge = "txn_stateage"
        }
    }
}
