// swift-tools-version: 6.2
import PackageDescription

/// How fast events are decoded, interned and encoded. A package of its own, so that the product does not build it; the
/// modules are linked in from `Shared`, because a package without library products cannot be depended on.
///
///     swift run -c release --package-path Benchmarks/Decode decode
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .strictMemorySafety(),
]

let package = Package(
    name: "benchmark-decode",
    targets: [
        .target(
            name: "CSimdjson", cxxSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "SupportEvents", dependencies: ["CSimdjson"], swiftSettings: strict),
        .executableTarget(
            name: "decode", dependencies: ["SupportEvents"], path: "Sources/Decode", swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
