import FoundationEssentials
import Glibc

/// Figures as people read them.
package enum Humanise {
    /// `1,234,567`.
    package static func count(_ value: Int64) -> String {
        let digits = Array(String(value.magnitude))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    package static func count(_ value: Int) -> String { count(Int64(value)) }

    /// At most two units: `850 ms`, `42.5 s`, `21 min 52 s`, `3 h 5 min`, `6 d 21 h`.
    package static func duration(seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        if seconds < 0 { return "-" + duration(seconds: -seconds) }
        if seconds == 0 { return "0 s" }
        if seconds < 0.9995 { return "\(Int((seconds * 1_000).rounded())) ms" }
        if seconds < 59.95 { return decimal(seconds, 1) + " s" }
        guard seconds < 1e15 else { return "?" }
        let whole = Int64(seconds.rounded())
        return if whole < 3_600 {
            pair(whole / 60, "min", whole % 60, "s")
        } else if whole < 86_400 {
            pair(whole / 3_600, "h", whole % 3_600 / 60, "min")
        } else {
            pair(whole / 86_400, "d", whole % 86_400 / 3_600, "h")
        }
    }

    private static func pair(_ first: Int64, _ unit: String, _ second: Int64, _ part: String) -> String {
        second == 0 ? "\(count(first)) \(unit)" : "\(count(first)) \(unit) \(second) \(part)"
    }

    /// `12.5 %`.
    package static func percent(_ fraction: Double) -> String { decimal(fraction * 100, 1) + " %" }

    /// `1.5 MiB`.
    package static func bytes(_ value: Int64) -> String {
        var amount = Double(value)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if amount < 1_024 { return unit == "B" ? "\(value) B" : decimal(amount, 1) + " " + unit }
            amount /= 1_024
        }
        return decimal(amount, 1) + " TiB"
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        unsafe withVaList([value]) { arguments in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                unsafe vsnprintf(buffer.baseAddress, buffer.count, "%.\(digits)f", arguments)
                return unsafe buffer.baseAddress.map { unsafe String(cString: $0) } ?? ""
            }
        }
    }

    /// With at most `digits` decimals, zeros at the end dropped, thousands grouped.
    package static func decimal(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "?" }
        let text = fixed(abs(value), digits)
        let parts = text.split(separator: ".")
        guard let whole = parts.first.flatMap({ Int64($0) }) else { return text }
        let decimals = parts.count > 1 ? parts[1].reversed().drop { $0 == "0" }.reversed() : []
        let isZero = whole == 0 && decimals.isEmpty
        return (value < 0 && !isZero ? "-" : "") + count(whole) + (decimals.isEmpty ? "" : "." + String(decimals))
    }
}
