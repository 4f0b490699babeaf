extension KafkaError: CustomStringConvertible {
    /// One sentence for the log: what failed, why, and what the operator does about it. Names no secret: neither
    /// librdkafka's reasons nor our operations contain property values.
    public var description: String {
        let head = "cannot \(operation): \(reason) (\(name))"
        guard let advice else { return head }
        return "\(head); \(advice)"
    }

    /// What an operator can do, where there is something to do.
    public var advice: String? {
        switch code {
        case .fenced, .producerFenced, .invalidProducerEpoch, .fencedInstanceID:
            "another process uses the same identity: give each instance its own DESKBEAT_INSTANCE"
        case .transport, .allBrokersDown, .resolve:
            "check KAFKA_BOOTSTRAP_SERVERS and that the brokers are up and reachable from here"
        case .authentication:
            "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SECURITY_PROTOCOL"
        case .tls:
            "check the TLS settings (KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_LOCATION)"
        case .topicAuthorization:
            "grant this user read, write, describe and create on the topic"
        case .groupAuthorization:
            "grant this user read on the consumer group"
        case .transactionalIDAuthorization:
            "grant this user write and describe on the transactional id"
        case .clusterAuthorization:
            "grant this user idempotent write, and create or alter where topics are managed by it"
        case .queueFull:
            "records arrive faster than the brokers take them: slow down and try again"
        case .messageTooLarge:
            "the record is larger than message.max.bytes of the producer or of the topic"
        case .offsetReset, .offsetOutOfRange:
            "the position is no longer stored: the topic was truncated, compacted or deleted by retention meanwhile"
        case .unknownTopic, .unknownTopicOrPartition, .unknownPartition:
            "create the topic, or wait until the brokers' metadata know it"
        case .topicExists:
            "compare its settings with the wanted ones"
        case .invalidReplicationFactor:
            "the cluster has fewer brokers than the replication factor asks for"
        case .maxPollExceeded:
            "processing one batch took longer than max.poll.interval.ms: the group has taken the partitions away"
        case .invalidSessionTimeout:
            "the broker's group.min.session.timeout.ms and group.max.session.timeout.ms exclude the session timeout"
        case .invalidTransactionTimeout:
            "the broker's transaction.max.timeout.ms is below the transaction timeout"
        case .notEnoughReplicas, .notEnoughReplicasAfterAppend:
            "fewer replicas are in sync than min.insync.replicas asks for"
        case .storage:
            "the broker cannot write to its disk"
        case .policyViolation, .invalidConfig:
            "the cluster refuses these topic settings"
        case .invalidProducerIDMapping, .unknownProducerID:
            "the broker has forgotten this producer after a long idle time; the next transaction starts anew"
        default:
            nil
        }
    }
}
