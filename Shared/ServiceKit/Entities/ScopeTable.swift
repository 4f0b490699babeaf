import KPIs
import Streams

/// The window scopes of one task's contributions, as small numbers; 0 is ``WindowScope/all``. A version of the rules adds two
/// or three.
struct ScopeTable {
    private(set) var scopes = [WindowScope.all]
    private var numbers: [WindowScope: UInt16] = [.all: 0]

    subscript(number: UInt16) -> WindowScope { scopes[Int(number)] }

    mutating func number(of scope: WindowScope) -> UInt16 {
        if let known = numbers[scope] { return known }
        precondition(scopes.count <= Int(UInt16.max), "65,536 scopes, from more than 20,000 versions of the rules")
        let number = UInt16(scopes.count)
        scopes.append(scope)
        numbers[scope] = number
        return number
    }
}
