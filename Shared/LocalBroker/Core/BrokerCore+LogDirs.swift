extension BrokerCore {
    /// The size of each partition; there is one directory.
    func describeLogDirs(_ request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
        let wanted =
            request.topics?.map { ($0.name, $0.partitions) }
            ?? topics.values.map { ($0.name, $0.partitions.indices.map(Int32.init)) }.sorted { $0.0 < $1.0 }
        return DescribeLogDirsResponse { response in
            let directory = DescribeLogDirsResponse.Directory { directory in
                directory.path = configuration.logDirectory
                for (name, partitions) in wanted {
                    let found = partitions.compactMap { index in
                        log(name, index).map { log in
                            DescribeLogDirsResponse.Partition {
                                $0.index = index
                                $0.size = Int64(log.segments.reduce(0) { $0 + $1.file.byteCount })
                            }
                        }
                    }
                    guard !found.isEmpty else { continue }
                    directory.topics.append(
                        TopicEntry<DescribeLogDirsResponse.Partition> {
                            $0.name = name
                            $0.partitions = found
                        })
                }
            }
            response.directories = [directory]
        }
    }
}
