extension BrokerCore {
    private enum ResourceType {
        static let topic: Int8 = 2
        static let broker: Int8 = 4
    }

    private enum ConfigSource {
        static let topic: Int8 = 1
        static let brokerDefault: Int8 = 5
        static let staticBroker: Int8 = 4
    }

    func describeConfigs(_ request: DescribeConfigsRequest) -> DescribeConfigsResponse {
        DescribeConfigsResponse { response in
            response.results = request.resources.map { resource in
                DescribeConfigsResponse.Result { result in
                    result.type = resource.type
                    result.name = resource.name
                    switch resource.type {
                    case ResourceType.topic:
                        guard let topic = topics[resource.name] else {
                            result.error = .unknownTopicOrPartition
                            return
                        }
                        result.configs = describe(topic.configuration, includeSynonyms: request.includeSynonyms)
                    case ResourceType.broker:
                        guard resource.name.isEmpty || resource.name == "\(configuration.nodeID)" else {
                            result.error = .invalidRequest
                            result.errorMessage = "Unexpected broker id, expected \(configuration.nodeID)"
                            return
                        }
                        result.configs = describeBroker()
                    default:
                        result.error = .invalidRequest
                        result.errorMessage = "Unsupported resource type: \(resource.type)"
                    }
                    if let keys = resource.keys { result.configs.removeAll { !keys.contains($0.name) } }
                }
            }
        }
    }

    private func describe(
        _ topic: TopicConfiguration, includeSynonyms: Bool
    ) -> [DescribeConfigsResponse.Config] {
        TopicConfiguration.definitions.map { definition in
            DescribeConfigsResponse.Config {
                let name = definition.name
                $0.name = name
                $0.value = topic.value(name)
                $0.source = topic.overrides[name] == nil ? ConfigSource.brokerDefault : ConfigSource.topic
                guard includeSynonyms else { return }
                if let value = topic.overrides[name] {
                    $0.synonyms.append(
                        DescribeConfigsResponse.Synonym {
                            $0.name = name
                            $0.value = value
                            $0.source = ConfigSource.topic
                        })
                }
                $0.synonyms.append(
                    DescribeConfigsResponse.Synonym {
                        $0.name = name
                        $0.value = topic.defaultValue(name)
                        $0.source = ConfigSource.brokerDefault
                    })
            }
        }
    }

    private func describeBroker() -> [DescribeConfigsResponse.Config] {
        let values = [
            ("auto.create.topics.enable", "\(configuration.createsTopicsAutomatically)"),
            ("broker.id", "\(configuration.nodeID)"),
            ("default.replication.factor", "1"),
            ("group.initial.rebalance.delay.ms", "\(configuration.groupInitialRebalanceDelay)"),
            ("group.max.session.timeout.ms", "\(configuration.maximumSessionTimeout)"),
            ("group.min.session.timeout.ms", "\(configuration.minimumSessionTimeout)"),
            ("log.cleaner.backoff.ms", "\(configuration.compactionInterval)"),
            ("log.cleaner.dedupe.buffer.size", "\(configuration.compactionMemory)"),
            ("log.retention.check.interval.ms", "\(configuration.housekeepingInterval)"),
            ("num.partitions", "\(configuration.defaultPartitionCount)"),
            ("offset.metadata.max.bytes", "\(configuration.maximumOffsetMetadataBytes)"),
            ("offsets.retention.minutes", "\(configuration.offsetRetention / 60_000)"),
            ("producer.id.expiration.ms", "\(configuration.producerExpiration)"),
            ("transaction.max.timeout.ms", "\(configuration.maximumTransactionTimeout)"),
            ("transactional.id.expiration.ms", "\(configuration.transactionalIDExpiration)"),
        ]
        return values.map { name, value in
            DescribeConfigsResponse.Config {
                $0.name = name
                $0.value = value
                $0.isReadOnly = true
                $0.source = ConfigSource.staticBroker
            }
        }
    }

    private func result(
        _ type: Int8, _ name: String, _ problem: (ErrorCode, String)?
    ) -> AlterConfigsResponse.Result {
        AlterConfigsResponse.Result {
            $0.type = type
            $0.name = name
            $0.error = problem?.0 ?? .none
            $0.errorMessage = problem?.1
        }
    }

    /// The full replacement of a topic's settings: what is not named goes back to its default.
    func alterConfigs(_ request: AlterConfigsRequest) -> AlterConfigsResponse {
        AlterConfigsResponse { response in
            response.results = request.resources.map { resource in
                let problem = alter(resource.type, resource.name, request.validateOnly) { configuration in
                    var changed = TopicConfiguration(defaults: configuration.defaults)
                    for config in resource.configs {
                        guard let value = config.value else {
                            return (.invalidRequest, "Null value for \(config.name)")
                        }
                        changed.set(config.name, to: value)
                    }
                    configuration = changed
                    return nil
                }
                return result(resource.type, resource.name, problem)
            }
        }
    }

    func incrementalAlterConfigs(_ request: IncrementalAlterConfigsRequest) -> AlterConfigsResponse {
        AlterConfigsResponse { response in
            response.results = request.resources.map { resource in
                let problem = alter(resource.type, resource.name, request.validateOnly) { configuration in
                    for config in resource.configs {
                        if let problem = Self.change(&configuration, config) { return problem }
                    }
                    return nil
                }
                return result(resource.type, resource.name, problem)
            }
        }
    }

    private static func change(
        _ configuration: inout TopicConfiguration, _ config: IncrementalAlterConfigsRequest.Config
    ) -> (ErrorCode, String)? {
        var list = configuration.value(config.name).split(separator: ",").map(String.init)
        switch config.operation {
        case 0:
            guard let value = config.value else { return (.invalidRequest, "Null value for \(config.name)") }
            configuration.set(config.name, to: value)
        case 1: configuration.set(config.name, to: nil)
        case 2, 3:
            guard TopicConfiguration.isList(config.name), let value = config.value else {
                return (.invalidConfig, "\(config.name) is not a list")
            }
            let items = value.split(separator: ",").map(String.init)
            if config.operation == 2 {
                list += items.filter { !list.contains($0) }
            } else {
                list.removeAll(where: items.contains)
            }
            configuration.set(config.name, to: list.joined(separator: ","))
        default: return (.invalidRequest, "Unknown operation \(config.operation)")
        }
        return nil
    }

    private func alter(
        _ type: Int8, _ name: String, _ validateOnly: Bool,
        _ change: (inout TopicConfiguration) -> (ErrorCode, String)?
    ) -> (ErrorCode, String)? {
        guard type == ResourceType.topic else {
            return (.invalidRequest, "this broker's own settings are given when it is started")
        }
        guard var topic = topics[name] else { return (.unknownTopicOrPartition, "no such topic") }
        if let problem = change(&topic.configuration) { return problem }
        do throws(TopicConfiguration.Invalid) {
            try topic.configuration.validate()
        } catch {
            return (.invalidConfig, error.reason)
        }
        guard !validateOnly else { return nil }
        do {
            try commit(.topic(Self.record(topic)))
        } catch {
            return (.storageError, error.description)
        }
        return nil
    }
}
