/// The form of a label by which it is compared and shown: full Unicode case folding (CaseFolding.txt, C and F), then
/// lower case, scalar by scalar, without regard to language or position. So `STRASSE` and `Straße` are one label
/// (`strasse`), `Σ`, `σ` and `ς` one letter, and Turkish `İ` is `i` with a dot above. Folding twice changes nothing.
public enum LabelFolding {
    /// The folded form of `text`.
    public static func folded(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            append(scalar, to: &result)
        }
        return String(result)
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String.UnicodeScalarView) {
        let properties = scalar.properties
        // Dotless i is the one letter that folds to itself although its upper case is an ASCII letter.
        if scalar == "\u{131}" || !(properties.changesWhenCaseMapped || properties.changesWhenCaseFolded) {
            result.append(scalar)
            return
        }
        // The standard library has no folding table. Lower case of upper case of lower case is the same mapping:
        // compared with CaseFolding.txt over all scalars, dotless i is the only difference.
        for lower in properties.lowercaseMapping.unicodeScalars {
            for upper in lower.properties.uppercaseMapping.unicodeScalars {
                result.append(contentsOf: upper.properties.lowercaseMapping.unicodeScalars)
            }
        }
    }

    /// Folds valid UTF-8 into `out`; the number of bytes, or -1 when they are more than `capacity`.
    static func fold(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ out: UnsafeMutablePointer<UInt8>, _ capacity: Int
    ) -> Int {
        let text = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
        let folded = folded(text).utf8
        guard folded.count <= capacity else { return -1 }
        var position = 0
        for byte in folded {
            unsafe out[position] = byte
            position += 1
        }
        return position
    }
}
