import Crypto
import ServiceKit
package import SupportEvents

/// Replaces personal ids by pseudonyms before anything is stored: the first 32 hexadecimal digits of HMAC-SHA256 over the id's
/// bytes, under a key from a file (RFC 2104). The same id gives the same pseudonym everywhere, so counting and linking go on;
/// without the key nobody can compute or undo one. Members that the contract does not name are dropped, `keep_unknown` or not:
/// they may carry the same ids.
package struct Pseudonymizer: Sendable {
    private let key: SymmetricKey
    private let fields: [EventField]

    /// The shortest key that is accepted, in bytes.
    package static let minimumKeyBytes = 16

    /// - Parameter members: Of ``RulesNames/pseudonymizable``.
    package init(key: [UInt8], members: [String]) {
        self.key = SymmetricKey(data: key)
        fields = EventField.allCases.filter { members.contains($0.name) }
    }

    /// Replaces the members that are present; a member that is cleared stays so.
    package func apply(to content: inout EventContent) {
        for field in fields {
            guard case .text(let id)? = content[field] else { continue }
            content[field] = .text(pseudonym(id))
        }
    }

    /// Whether events of such an entity are keyed by a member that is replaced.
    package func replacesKey(of kind: EntityKind) -> Bool {
        switch kind {
        case .customer: fields.contains(.customerID)
        case .agent: fields.contains(.agentID)
        default: false
        }
    }

    /// The pseudonym of an id.
    package func pseudonym(_ id: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return HMAC<SHA256>.authenticationCode(for: id, using: key).prefix(16).flatMap {
            [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
        }
    }
}
