/// Prometheus' text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    private(set) var bytes: [UInt8] = []

    mutating func family(_ name: String, type: String, help: String) {
        // Every scrape comes here for every family, and hardly a text needs it.
        let needsEscape = help.utf8.contains { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n") }
        let escaped =
            needsEscape ? help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n") : help
        bytes.append(contentsOf: "# HELP \(name) \(escaped)\n# TYPE \(name) \(type)\n".utf8)
    }

    mutating func sample(_ name: String, _ labels: String, _ value: String) {
        bytes.append(contentsOf: labels.isEmpty ? "\(name) \(value)\n".utf8 : "\(name){\(labels)} \(value)\n".utf8)
    }

    /// `key="value",…` with names made valid and values escaped; the first of two equal names wins.
    static func labels(_ dimensions: [(String, String)]) -> String {
        var seen: Set<String> = []
        return
            dimensions
            .map { (name($0.0, allowsColon: false), $0.1) }
            .filter { seen.insert($0.0).inserted }
            .sorted { $0.0 < $1.0 }
            .map { key, value in
                let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
                    "\n", with: "\\n")
                return "\(key)=\"\(escaped)\""
            }
            .joined(separator: ",")
    }

    /// `text` with every character that a name cannot have replaced by `_`: a metric's `[a-zA-Z_:][a-zA-Z0-9_:]*`, a
    /// label's without the colon.
    static func name(_ text: String, allowsColon: Bool) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            if isDigit, result.isEmpty { result.append(UInt8(ascii: "_")) }
            let isValid = isLetter || isDigit || byte == UInt8(ascii: "_") || (allowsColon && byte == UInt8(ascii: ":"))
            result.append(isValid ? byte : UInt8(ascii: "_"))
        }
        return result.isEmpty ? "_" : String(decoding: result, as: UTF8.self)
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.magnitude < 1e15 && value == value.rounded() ? String(Int64(value)) : "\(value)"
    }
}
