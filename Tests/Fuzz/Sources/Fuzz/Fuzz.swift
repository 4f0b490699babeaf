import Glibc

/// One reader of outside input. What it must not do is trap, read out of bounds, or hang; and what holds for all inputs is
/// checked with preconditions.
protocol FuzzTarget: AnyObject {
    init()
    func run(_ bytes: [UInt8])
}

/// Named by DESKBEAT_FUZZ, since libFuzzer owns the command line.
nonisolated(unsafe) private let target: any FuzzTarget = {
    let name = unsafe getenv("DESKBEAT_FUZZ").map { unsafe String(cString: $0) } ?? ""
    switch name {
    case "events": return EventsTarget()
    case "rules": return RulesTarget()
    case "rows": return RowsTarget()
    case "mapping": return MappingTarget()
    case "broker": return BrokerTarget()
    default: fatalError("set DESKBEAT_FUZZ to events, rules, rows, mapping or broker")
    }
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What SwiftPM has linked as `main`; libFuzzer's own gives way to it.
@_cdecl("Fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var (count, arguments) = (count, unsafe arguments)
    return unsafe runDriver(&count, &arguments) { unsafe testOneInput($0, $1) }
}
