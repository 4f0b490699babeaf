internal import CRdkafka

/// One setting of a topic.
public struct TopicSetting: Sendable {
    public var name: String
    /// nil for a secret one.
    public var value: String?
    /// Set neither for this topic nor, for all topics, by the broker's operator.
    public var isDefault: Bool
    /// Set for this topic itself.
    public var isTopicOverride: Bool
    public var isReadOnly: Bool
}

extension KafkaAdmin {
    /// The settings of topics, by topic and name.
    ///
    /// - Throws: also when one of the topics does not exist.
    public func describeTopicConfigs(
        _ names: [String], _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) -> [String: [String: TopicSetting]] {
        guard !names.isEmpty else { return [:] }
        let handle = handle
        return try await calls.run { () throws(KafkaError) in
            try describeConfigs(names, handle, deadline)
        }
    }

    /// Changes some settings of a topic and leaves its others as they are.
    ///
    /// librdkafka 2.0.2 has only the request that replaces all of a topic's settings, so this reads them first: a
    /// change that somebody else makes between the two is lost.
    public func alterTopicConfig(
        _ name: String, setting changes: [String: String], _ deadline: Deadline = .after(defaultTimeout)
    ) async throws(KafkaError) {
        guard !changes.isEmpty else { return }
        let handle = handle
        try await calls.run { () throws(KafkaError) in
            let current = try describeConfigs([name], handle, deadline)[name] ?? [:]
            var wanted: [String: String] = [:]
            for setting in current.values where setting.isTopicOverride { wanted[setting.name] = setting.value }
            wanted.merge(changes) { $1 }
            try replaceConfig(of: name, with: wanted, handle, deadline)
        }
    }
}

private func describeConfigs(
    _ names: [String], _ handle: ClientHandle, _ deadline: Deadline
) throws(KafkaError) -> [String: [String: TopicSetting]] {
    var resources: [OpaquePointer?] = unsafe names.map {
        unsafe rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0)
    }
    defer { unsafe resources.forEach { unsafe rd_kafka_ConfigResource_destroy($0) } }
    let operation = "describe the settings of topics"
    let event = try unsafe AdminEvent(operation, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, handle, deadline) {
        unsafe rd_kafka_DescribeConfigs($0, &resources, resources.count, $1, $2)
    }
    var failure: KafkaError?
    let settings: [String: [String: TopicSetting]] = unsafe event.read { event in
        var count = 0
        let results = unsafe rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count)
        var settings: [String: [String: TopicSetting]] = [:]
        unsafe UnsafeBufferPointer(start: results, count: count).forEach { resource in
            failure = unsafe failure ?? resourceError(resource, "describe the settings of topic")
            let topic = unsafe String(cString: rd_kafka_ConfigResource_name(resource))
            settings[topic] = unsafe entries(of: resource)
        }
        return settings
    }
    if let failure { throw failure }
    return settings
}

private func entries(of resource: OpaquePointer?) -> [String: TopicSetting] {
    var count = 0
    let entries = unsafe rd_kafka_ConfigResource_configs(resource, &count)
    var settings: [String: TopicSetting] = [:]
    unsafe UnsafeBufferPointer(start: entries, count: count).forEach { entry in
        let name = unsafe String(cString: rd_kafka_ConfigEntry_name(entry))
        settings[name] = unsafe TopicSetting(
            name: name, value: rd_kafka_ConfigEntry_value(entry).map { unsafe String(cString: $0) },
            isDefault: rd_kafka_ConfigEntry_is_default(entry) == 1,
            isTopicOverride: rd_kafka_ConfigEntry_source(entry) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG,
            isReadOnly: rd_kafka_ConfigEntry_is_read_only(entry) == 1)
    }
    return settings
}

private func replaceConfig(
    of topic: String, with settings: [String: String], _ handle: ClientHandle, _ deadline: Deadline
) throws(KafkaError) {
    var resources: [OpaquePointer?] = unsafe [rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)]
    defer { unsafe rd_kafka_ConfigResource_destroy(resources[0]) }
    for (name, value) in settings {
        let code = unsafe rd_kafka_ConfigResource_set_config(resources[0], name, value)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, operation: "set \(name) of \(topic)") }
    }
    let operation = "alter the settings of topic"
    let event = try unsafe AdminEvent("\(operation) \(topic)", RD_KAFKA_ADMIN_OP_ALTERCONFIGS, handle, deadline) {
        unsafe rd_kafka_AlterConfigs($0, &resources, 1, $1, $2)
    }
    let failure: KafkaError? = unsafe event.read { event in
        var count = 0
        let results = unsafe rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count)
        return unsafe UnsafeBufferPointer(start: results, count: count).lazy
            .compactMap { unsafe resourceError($0, operation) }.first
    }
    if let failure { throw failure }
}

private func resourceError(_ resource: OpaquePointer?, _ operation: String) -> KafkaError? {
    let code = unsafe rd_kafka_ConfigResource_error(resource)
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    let name = unsafe String(cString: rd_kafka_ConfigResource_name(resource))
    let reason = unsafe rd_kafka_ConfigResource_error_string(resource).map { unsafe String(cString: $0) }
    return KafkaError(code, operation: "\(operation) \(name)", reason: reason)
}
