import KPIs

/// What an entity's contributions become when it is derived again, where windows that have ended keep what they have.
///
/// A contribution is *current* when its scope has no end, and *kept* when it has one: then it counts only in windows that
/// ended before the rules changed. Every change of the rules turns what it does away with into kept contributions, and lets
/// what is new begin in the windows that are open.
struct Reconciliation {
    /// From when on the present version of the rules holds.
    var since: WindowScope.Edge
    /// By measure: whether contributions to it were kept under the rules before. What was never counted has no past to leave
    /// alone, so it counts in all windows.
    var wasCounted: (UInt16) -> Bool
    /// By measure: whether contributions to it are kept now.
    var isCounted: (UInt16) -> Bool
    /// By measure: whether it is a level, whose windows all follow from one account.
    var isLevel: (UInt16) -> Bool

    /// The rules have changed, and nothing else.
    ///
    /// - Parameters:
    ///   - held: what was emitted for the entity before.
    ///   - derived: what it contributes under the present rules, all of it with the scope 0.
    func underNewRules(
        from held: [Contribution], to derived: [Contribution], _ scopes: inout ScopeTable
    ) -> [Contribution] {
        var result: [Contribution] = []
        Self.match(held, derived, scopes) { old, new in
            switch (old, new) {
            case (let old?, _) where scopes[old.scope].until != .last, (let old?, .some):
                result.append(reopened(old, &scopes))
            case (let old?, nil):
                let scope = scopes[old.scope]
                guard old.base != .none, isCounted(old.measure), !isLevel(old.measure),
                    scope.since.instant < since.instant
                else {
                    return
                }
                var kept = old
                kept.scope = scopes.number(of: WindowScope(since: scope.since, until: since))
                result.append(kept)
            case (nil, let new?):
                var new = new
                if new.base != .none, wasCounted(new.measure), !isLevel(new.measure) {
                    new.scope = scopes.number(of: WindowScope(since: since))
                }
                result.append(new)
            case (nil, nil): break
            }
        }
        return result
    }

    /// A day that had ended when earlier rules came may be open under the present ones, whose local time is an earlier one: then it
    /// is theirs.
    private func reopened(_ held: Contribution, _ scopes: inout ScopeTable) -> Contribution {
        // Most count in all windows.
        guard held.scope != 0 else { return held }
        let scope = scopes[held.scope]
        var held = held
        held.scope = scopes.number(
            of: WindowScope(
                since: scope.since.civilAtMost(since),
                until: scope.until == .last ? .last : scope.until.civilAtMost(since)))
        return held
    }

    /// An event has come, or time has passed. What it changes in a measure changes in all windows: there is no telling what it
    /// would have been under rules that are gone.
    static func underSameRules(
        from held: [Contribution], to derived: [Contribution], _ scopes: ScopeTable
    ) -> [Contribution] {
        var result: [Contribution] = []
        var changed: Set<UInt16> = []
        match(held, derived, scopes) { old, new in
            switch (old, new) {
            case (let old?, _) where scopes[old.scope].until != .last: result.append(old)
            case (let old?, .some): result.append(old)
            case (let old?, nil): changed.insert(old.measure)
            case (nil, let new?): result.append(new)
            case (nil, nil): break
            }
        }
        guard !changed.isEmpty else { return result }
        return result.compactMap { item in
            guard changed.contains(item.measure) else { return item }
            guard scopes[item.scope].until == .last else { return nil }
            var item = item
            item.scope = 0
            return item
        }
    }

    /// Pairs current contributions with derived ones that are equal but for their scope; kept ones stand alone.
    private static func match(
        _ held: [Contribution], _ derived: [Contribution], _ scopes: ScopeTable,
        _ body: (Contribution?, Contribution?) -> Void
    ) {
        let current = held.filter { scopes[$0.scope].until == .last }.sorted(by: precedes)
        let derived = derived.sorted(by: precedes)
        for item in held where scopes[item.scope].until != .last { body(item, nil) }
        var (left, right) = (0, 0)
        while left < current.count || right < derived.count {
            if right == derived.count || (left < current.count && precedes(current[left], derived[right])) {
                body(current[left], nil)
                left += 1
            } else if left == current.count || precedes(derived[right], current[left]) {
                body(nil, derived[right])
                right += 1
            } else {
                body(current[left], derived[right])
                left += 1
                right += 1
            }
        }
    }

    /// Without regard to the scope.
    private static func precedes(_ left: Contribution, _ right: Contribution) -> Bool {
        var (left, right) = (left, right)
        left.scope = 0
        right.scope = 0
        return Contribution.isOrdered(left, right)
    }
}
