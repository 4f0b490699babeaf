package import ServiceKit

/// How a cell is read as an exact decimal number: `strip`, `decimal`, `multiply`, `scale`, `absolute` of a mapping's value.
package struct CellNumber: Sendable {
    /// Characters that are left out: currency signs, separators of thousands.
    package var strip: [UInt8] = []
    /// Whether decimals stand behind a comma.
    package var decimalComma = false
    /// Columns that the number is multiplied by.
    package var factors: [Mapping.Column] = []
    package var scale = ExactDecimal(1)
    package var isAbsolute = false

    /// The number as plain decimal text; nil when a cell is none, and beyond 30 digits.
    func read(_ text: ArraySlice<UInt8>, times factors: [ArraySlice<UInt8>]) -> [UInt8]? {
        guard var product = decimal(text)?.product(with: scale) else { return nil }
        for factor in factors {
            guard let next = decimal(factor).flatMap({ product.product(with: $0) }) else { return nil }
            product = next
        }
        if isAbsolute, product.mantissa < 0 { product.mantissa = -product.mantissa }
        return product.text
    }

    private func decimal(_ text: ArraySlice<UInt8>) -> ExactDecimal? {
        // A currency sign is several bytes, each of which is left out.
        var bytes = text.filter { !strip.contains($0) }
        if decimalComma {
            for index in bytes.indices where bytes[index] == UInt8(ascii: ",") { bytes[index] = UInt8(ascii: ".") }
        }
        if bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        guard bytes.contains(where: { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return ExactDecimal(bytes)
    }
}

extension ExactDecimal {
    fileprivate func product(with other: ExactDecimal) -> ExactDecimal? {
        let (mantissa, overflow) = mantissa.multipliedReportingOverflow(by: other.mantissa)
        let exponent = exponent + other.exponent
        guard !overflow, mantissa != .min, -60...30 ~= exponent else { return nil }
        var product = self
        product.mantissa = mantissa
        product.exponent = exponent
        return product
    }

    /// `-12.50`, without an exponent.
    fileprivate var text: [UInt8] {
        var digits = Array(String(mantissa.magnitude).utf8)
        if exponent > 0 {
            digits += [UInt8](repeating: UInt8(ascii: "0"), count: mantissa == 0 ? 0 : exponent)
        } else if exponent < 0 {
            let missing = -exponent + 1 - digits.count
            if missing > 0 { digits = [UInt8](repeating: UInt8(ascii: "0"), count: missing) + digits }
            digits.insert(UInt8(ascii: "."), at: digits.count + exponent)
        }
        return (mantissa < 0 ? [UInt8(ascii: "-")] : []) + digits
    }
}
