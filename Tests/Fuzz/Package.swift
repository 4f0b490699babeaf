// swift-tools-version: 6.2
import PackageDescription

/// libFuzzer on everything that reads what comes from outside. A package of its own, so that the product does not build it;
/// the parsers are linked in from `Shared` and `Services`, and built with coverage and the address sanitizer.
///
///     make fuzz                          # every target for a few seconds
///     make fuzz TARGET=rules SECONDS=600
let instrumented: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .unsafeFlags(["-sanitize=fuzzer,address"]),
]
let instrumentedC: [CXXSetting] = [.unsafeFlags(["-fsanitize=fuzzer-no-link,address", "-O2"])]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CSimdjson", cxxSettings: instrumentedC, linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CDeskbeat"),
        .systemLibrary(name: "CLibYAML"),
        .systemLibrary(name: "CLocalBroker"),
        .target(name: "SupportEvents", dependencies: ["CSimdjson"], swiftSettings: instrumented),
        .target(name: "YAML", dependencies: ["CLibYAML"], swiftSettings: instrumented),
        .target(name: "BusinessTime", swiftSettings: instrumented),
        .target(name: "SLA", dependencies: ["BusinessTime"], swiftSettings: instrumented),
        .target(name: "KPIs", dependencies: ["BusinessTime"], swiftSettings: instrumented),
        .target(
            name: "LocalBroker", dependencies: ["CLocalBroker", log, nioCore, nioPosix], swiftSettings: instrumented),
        .target(
            name: "ServiceKit", dependencies: ["SupportEvents", "YAML", "BusinessTime", "SLA", "KPIs", crypto],
            // The versions need Kafka.
            exclude: ["Rules/RulesNodeCodec.swift", "Rules/Versions"],
            sources: ["Entities/Dimension.swift", "Rules", "Text"],
            swiftSettings: instrumented),
        .target(
            name: "Deskbeat", dependencies: ["CDeskbeat", "ServiceKit", "SupportEvents", "BusinessTime"],
            sources: ["Replay/Input", "Replay/Mapping", "Replay/EventReader.swift", "Replay/EnvelopeScanner.swift"],
            swiftSettings: instrumented),
        .executableTarget(
            name: "Fuzz", dependencies: ["SupportEvents", "ServiceKit", "Deskbeat", "LocalBroker", nioCore],
            swiftSettings: instrumented + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    ],
    cxxLanguageStandard: .cxx17
)
