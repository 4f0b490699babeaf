/// FNV-1a, 64 bits.
package func fnv1a(_ bytes: some Sequence<UInt8>, from start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
    bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

/// ` (did you mean "x"?)`, or the list when it is short, or nothing.
package func suggestion(for name: String, among known: [String]) -> String {
    let nearest = known.map { ($0, editDistance(name.lowercased(), $0.lowercased())) }.min { $0.1 < $1.1 }
    if let nearest, nearest.1 <= max(2, name.count / 3) { return " (did you mean \"\(nearest.0)\"?)" }
    return known.count <= 12 && !known.isEmpty ? " (known: \(known.joined(separator: ", ")))" : ""
}

/// Levenshtein's distance over bytes.
private func editDistance(_ first: String, _ second: String) -> Int {
    let other = Array(second.utf8)
    var row = Array(0...other.count)
    for (line, byte) in first.utf8.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for column in other.indices {
            let substituted = diagonal + (byte == other[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
        }
    }
    return row[other.count]
}

/// The ways in which exports write a truth value; nil for anything else.
package func readBoolean(_ text: ArraySlice<UInt8>) -> Bool? {
    switch String(decoding: text, as: UTF8.self).lowercased() {
    case "true", "yes", "t", "y", "1": true
    case "false", "no", "f", "n", "0": false
    default: nil
    }
}

extension [UInt8] {
    /// Quoted and escaped; `text` must be UTF-8.
    package mutating func appendJSONString(_ text: ArraySlice<UInt8>) {
        append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0x0A: append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0x0D: append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case 0x09: append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case ..<0x20:
                append(contentsOf: "\\u00".utf8)
                append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                append(contentsOf: String(byte & 0xF, radix: 16).utf8)
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    package mutating func appendJSONString(_ text: String) { appendJSONString(Array(text.utf8)[...]) }

    /// Appends decimal text as a JSON number, without a plus sign and superfluous zeros in front. False, and nothing appended, when it is none.
    package mutating func appendJSONNumber(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        var number: [UInt8] = []
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
            if rest.removeFirst() == UInt8(ascii: "-") { number.append(UInt8(ascii: "-")) }
        }
        func digits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            let run = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(run.count)
            return run
        }
        let whole = digits(&rest)
        guard !whole.isEmpty else { return false }
        let significant = whole.drop { $0 == 0x30 }
        number += significant.isEmpty ? [0x30] : Array(significant)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let decimals = digits(&rest)
            guard !decimals.isEmpty else { return false }
            number.append(UInt8(ascii: "."))
            number += decimals
        }
        if let letter = rest.first, letter | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            number.append(letter)
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                number.append(rest.removeFirst())
            }
            let exponent = digits(&rest)
            guard !exponent.isEmpty else { return false }
            number += exponent
        }
        guard rest.isEmpty else { return false }
        append(contentsOf: number)
        return true
    }
}
