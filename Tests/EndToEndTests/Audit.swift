import Foundation
import Testing

extension Installation {
    /// Runs `deskbeat audit` and returns what it prints; its last line is `N values, K differences`.
    func audit(_ arguments: String...) async throws -> String {
        try await execute(
            Self.binaries.appendingPathComponent("deskbeat").path,
            ["audit", "--data-dir", folder.path, "--timeout", "240"] + arguments)
    }

    /// Recomputes everything that the services named have published. Each must have published something.
    func expectAuditFindsNothing(_ services: [String]) async throws {
        for service in services {
            let text = try await audit("--service", service)
            #expect(text.hasSuffix(" values, 0 differences\n"), "\(text)")
            #expect(!text.contains("\n0 values"), "\(text)")
            print(text.suffix(400))
        }
    }
}
