extension BrokerCore {
    func describeProducers(_ request: DescribeProducersRequest) -> DescribeProducersResponse {
        DescribeProducersResponse { response in
            response.topics = request.topics.map { topic in
                DescribeProducersResponse.Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        DescribeProducersResponse.Partition {
                            $0.index = partition
                            guard let log = log(topic.name, partition) else {
                                $0.error = .unknownTopicOrPartition
                                return
                            }
                            $0.producers = log.producers.sorted { $0.key < $1.key }.map(Self.describe)
                        }
                    }
                }
            }
        }
    }

    private static func describe(_ id: Int64, _ state: ProducerState) -> DescribeProducersResponse.Producer {
        DescribeProducersResponse.Producer {
            $0.producerID = id
            $0.producerEpoch = Int32(state.epoch)
            $0.lastSequence = state.batches.last?.lastSequence ?? -1
            $0.lastTimestamp = state.batches.last?.timestamp ?? -1
            $0.transactionStartOffset = state.transactionFirstOffset ?? -1
        }
    }

    func describeTransactions(_ request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
        DescribeTransactionsResponse { response in
            response.transactions = request.transactionalIDs.map { id in
                DescribeTransactionsResponse.Transaction {
                    $0.transactionalID = id
                    guard !id.isEmpty else { return $0.error = .invalidRequest }
                    guard let transaction = transactions[id] else { return $0.error = .transactionalIDNotFound }
                    $0.state = transaction.state.name
                    $0.timeout = transaction.timeout
                    $0.startTime = transaction.state == .ongoing ? transaction.updated : -1
                    $0.producerID = transaction.producerID
                    $0.producerEpoch = transaction.producerEpoch
                    var topics: [String: [Int32]] = [:]
                    for name in transaction.partitions.sorted() {
                        topics[name.topic, default: []].append(name.partition)
                    }
                    $0.topics = topics.sorted { $0.key < $1.key }.map { topic, partitions in
                        DescribeTransactionsResponse.Topic {
                            $0.name = topic
                            $0.partitions = partitions
                        }
                    }
                }
            }
        }
    }

    func listTransactions(_ request: ListTransactionsRequest) -> ListTransactionsResponse {
        let known = Set(Transaction.State.allCases.map(\.name))
        let wanted = Set(request.states)
        let producers = Set(request.producerIDs.map(\.value))
        return ListTransactionsResponse { response in
            response.unknownStates = request.states.filter { !known.contains($0) }
            // A filter of which nothing is known finds nothing.
            response.transactions = transactions.values.sorted { $0.transactionalID < $1.transactionalID }.filter {
                (wanted.isEmpty || wanted.contains($0.state.name))
                    && (producers.isEmpty || producers.contains($0.producerID))
            }.map { transaction in
                ListTransactionsResponse.Transaction {
                    $0.transactionalID = transaction.transactionalID
                    $0.producerID = transaction.producerID
                    $0.state = transaction.state.name
                }
            }
        }
    }
}

extension Transaction.State {
    /// As Kafka's tools know it.
    var name: String {
        switch self {
        case .empty: "Empty"
        case .ongoing: "Ongoing"
        case .prepareCommit: "PrepareCommit"
        case .prepareAbort: "PrepareAbort"
        case .completeCommit: "CompleteCommit"
        case .completeAbort: "CompleteAbort"
        }
    }
}
