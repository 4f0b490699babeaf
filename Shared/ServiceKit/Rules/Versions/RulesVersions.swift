/// The published versions of the rules, as a program gets to know them one after the other.
package struct RulesVersions: Sendable {
    /// As many are kept, the newest ones. What began under one before those goes on under the oldest of them.
    package static let kept = 50

    private var readable: [Rules] = []
    private var newestFault: RulesTopicError?
    /// Versions that cannot be read here, because they were written for another version of Deskbeat.
    package private(set) var unreadable: [Int64] = []

    package init() {}

    /// Takes the next version.
    package mutating func add(_ record: RulesRecord) {
        do throws(RulesError) {
            readable = Array((readable + [try Rules(record)]).suffix(Self.kept))
            newestFault = nil
        } catch {
            unreadable.append(record.version)
            newestFault = RulesTopicError(unusable: record, error)
        }
    }

    /// The newest version with the earlier ones; nil when there is none.
    ///
    /// - Throws: When the newest cannot be read. An earlier one that cannot is left out.
    package func newest() throws(RulesTopicError) -> Rules? {
        if let newestFault { throw newestFault }
        guard var newest = readable.last else { return nil }
        newest.earlier = Array(readable.dropLast())
        return newest
    }
}
