// swift-tools-version: 6.2
import PackageDescription

/// The one settings array of every target: language mode 6, the upcoming features that become defaults, memory safety
/// made visible by `unsafe`, and no warning left standing.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // Debug builds, in which everything is tested too, check exclusive access at run time. In the hot path the check of each
    // access to a class's property costs a tenth of the time (docs/decisions/0006-exclusivity.md).
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Shared/\(name)", exclude: exclude, swiftSettings: strict)
}

func service(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Services/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: strict)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "deskbeat",
    products: [
        .executable(name: "deskbeat", targets: ["Deskbeat"]),
        .executable(name: "deskbeat-ingest", targets: ["Ingest"]),
        .executable(name: "deskbeat-ticketing", targets: ["Ticketing"]),
        .executable(name: "deskbeat-sla-monitor", targets: ["SLAMonitor"]),
        .executable(name: "deskbeat-satisfaction", targets: ["Satisfaction"]),
        .executable(name: "deskbeat-churn-revenue", targets: ["ChurnRevenue"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Without its trait FullFoundation: Foundation brings 40 MB of ICU into each program (docs/decisions/0016-small-images.md).
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CRdkafka", path: "Shared/CRdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(
            name: "CLibYAML", path: "Shared/CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CDeskbeat", path: "Shared/CDeskbeat", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CLocalBroker", path: "Shared/CLocalBroker",
            providers: [.apt(["zlib1g-dev", "liblz4-dev", "libsnappy-dev", "libzstd-dev"])]),
        .target(
            name: "CSimdjson", path: "Shared/CSimdjson", cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("simdjson")]),

        module("Kafka", ["CRdkafka", log, coreMetrics]),
        module("SupportEvents", ["CSimdjson"]),
        module("YAML", ["CLibYAML"]),
        module("BusinessTime"),
        module("SLA", ["BusinessTime"]),
        module("KPIs", ["BusinessTime"]),
        module("Streams", ["Kafka", log, coreMetrics]),
        module("LocalBroker", ["CLocalBroker", log, nioCore, nioPosix]),
        module(
            "ServiceKit",
            [
                "Kafka", "SupportEvents", "YAML", "BusinessTime", "SLA", "KPIs", "Streams", log, metrics, coreMetrics,
                argumentParser, serviceLifecycle, unixSignals, hummingbird, crypto, nioCore,
            ]),

        service(
            "Ingest",
            [
                "ServiceKit", "Kafka", "Streams", "SupportEvents", argumentParser, hummingbird, crypto, log, metrics,
                coreMetrics, nioCore, serviceLifecycle, unixSignals,
            ]),
        service(
            "Ticketing",
            ["ServiceKit", "Kafka", "Streams", "SupportEvents", "BusinessTime", "KPIs", argumentParser, log]),
        service(
            "SLAMonitor",
            [
                "ServiceKit", "Kafka", "Streams", "SupportEvents", "BusinessTime", "SLA", "KPIs", argumentParser,
                hummingbird, nioCore, log,
            ]),
        service(
            "Satisfaction",
            ["ServiceKit", "Kafka", "Streams", "SupportEvents", "BusinessTime", "KPIs", argumentParser, log]),
        service(
            "ChurnRevenue",
            ["ServiceKit", "Kafka", "Streams", "SupportEvents", "BusinessTime", "KPIs", argumentParser, log]),
        service(
            "Deskbeat",
            [
                "CDeskbeat", "ServiceKit", "Streams", "SupportEvents", "BusinessTime", "SLA", "KPIs", "Kafka",
                "LocalBroker",
                argumentParser, log,
            ]),

        .target(name: "CAllocations", path: "Tests/CAllocations"),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        tests("Kafka", ["Kafka", "CRdkafka", coreMetrics, log]),
        tests("SupportEvents", ["TestSupport", "SupportEvents"]),
        tests("BusinessTime", ["TestSupport", "BusinessTime"]),
        tests("KPIs", ["TestSupport", "KPIs", "BusinessTime"]),
        tests("Streams", ["Streams", "Kafka", "LocalBroker", nioCore, log]),
        tests("LocalBroker", ["LocalBroker", nioCore, nioPosix, log]),
        tests(
            "ServiceKit",
            [
                "TestSupport", "ServiceKit", "BusinessTime", "KPIs", "SLA", "SupportEvents", "Kafka", "Streams", log,
                metrics, coreMetrics, argumentParser, serviceLifecycle,
            ]),
        tests(
            "Ingest",
            [
                "TestSupport",
                "Ingest", "ServiceKit", "Kafka", "Streams", "SupportEvents", argumentParser, hummingbird, log, metrics,
                nioCore, nioPosix, serviceLifecycle,
            ]),
        tests(
            "Ticketing",
            [
                "TestSupport",
                "CAllocations", "Ticketing", "ServiceKit", "SupportEvents", "KPIs", "BusinessTime", "Streams", "Kafka",
                log, subprocess,
            ]),
        tests(
            "SLAMonitor", ["TestSupport", "SLAMonitor", "ServiceKit", "SupportEvents", "KPIs", "Streams", "Kafka", log]),
        tests(
            "Satisfaction",
            [
                "TestSupport", "Satisfaction", "ServiceKit", "SupportEvents", "KPIs", "BusinessTime", "Streams",
                "Kafka", log,
            ]),
        tests(
            "ChurnRevenue",
            [
                "ChurnRevenue", "ServiceKit", "SupportEvents", "KPIs", "BusinessTime", "Streams", "Kafka", log,
                subprocess,
            ]),
        tests("Deskbeat", ["Deskbeat", "ServiceKit", "Kafka", "BusinessTime", "SLA", subprocess, log]),
        tests("EndToEnd", ["TestSupport", "Kafka", subprocess]),
    ],
    cxxLanguageStandard: .cxx17
)
