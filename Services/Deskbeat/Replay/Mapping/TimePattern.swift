/// A compiled time format: Unicode's date pattern letters (`d/M/yyyy HH:mm`), or `iso`, `epoch_s`, `epoch_ms`.
///
/// Letters: `yyyy` `yy` (69…99 are 19xx) `M` `MM` `MMM` (English) `d` `dd` `H` `HH` `h` `hh` `a` `m` `mm` `s` `ss` `S…` (decimals of the second)
/// `XXX` (offset: `Z`, `+01:00`, `+0100`); anything else that is no letter stands for itself, letters in `'…'`. A single letter takes one or two digits, a
/// double one exactly two.
package struct TimePattern: Sendable {
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
    }

    /// What a text denotes: a clock time, and the offset from UTC in seconds where the text states one.
    package struct Reading: Equatable, Sendable {
        package var micros: Int64
        package var offset: Int?
    }

    private enum Part: Sendable {
        case literal(UInt8)
        case year4, year2, monthName, amPM, fraction, offset
        case number(Field, exact: Bool)
    }

    private enum Field: String, Sendable { case month, day, hour, hour12, minute, second }

    private enum Kind: Sendable { case pattern([Part]), iso, epoch(unit: Int64) }

    private let kind: Kind
    package let text: String

    /// Throws with the letter that is not known.
    package init(_ text: String) throws(Malformed) {
        self.text = text
        switch text {
        case "iso": kind = .iso
        case "epoch_s": kind = .epoch(unit: 1_000_000)
        case "epoch_ms": kind = .epoch(unit: 1_000)
        default: kind = .pattern(try Self.compile(text))
        }
    }

    private static func compile(_ text: String) throws(Malformed) -> [Part] {
        var parts: [Part] = []
        var rest = Substring(text)
        while let letter = rest.first {
            let run = rest.prefix { $0 == letter }
            if letter == "'" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: "'") else {
                    throw Malformed(description: "the quote in \"\(text)\" is not closed")
                }
                parts += rest[..<end].isEmpty ? [.literal(UInt8(ascii: "'"))] : rest[..<end].utf8.map { .literal($0) }
                rest = rest[rest.index(after: end)...]
                continue
            }
            guard letter.isLetter else {
                parts += run.utf8.map { .literal($0) }
                rest = rest[run.endIndex...]
                continue
            }
            parts.append(try part(letter, run.count, text))
            rest = rest[run.endIndex...]
        }
        guard !parts.isEmpty else { throw Malformed(description: "the time format is empty") }
        return parts
    }

    private static func part(_ letter: Character, _ count: Int, _ text: String) throws(Malformed) -> Part {
        switch (letter, count) {
        case ("y", 4), ("u", 4): .year4
        case ("y", 2): .year2
        case ("M", 1...2): .number(.month, exact: count == 2)
        case ("M", 3): .monthName
        case ("d", 1...2): .number(.day, exact: count == 2)
        case ("H", 1...2): .number(.hour, exact: count == 2)
        case ("h", 1...2): .number(.hour12, exact: count == 2)
        case ("m", 1...2): .number(.minute, exact: count == 2)
        case ("s", 1...2): .number(.second, exact: count == 2)
        case ("a", 1): .amPM
        case ("S", _): .fraction
        case ("X", _), ("Z", _): .offset
        default:
            throw Malformed(
                description:
                    "\"\(String(repeating: letter, count: count))\" in \"\(text)\" is no time letter "
                    + "(y M d H h a m s S X; other letters in quotes)")
        }
    }

    /// Nil when `bytes` is not of this format or no date.
    package func parse(_ bytes: ArraySlice<UInt8>) -> Reading? {
        switch kind {
        case .epoch(let unit): Self.epoch(bytes, unit)
        case .iso: Self.iso(bytes)
        case .pattern(let parts): Self.match(bytes, parts)
        }
    }

    private static func match(_ bytes: ArraySlice<UInt8>, _ parts: [Part]) -> Reading? {
        var cursor = DigitCursor(bytes)
        var time = CivilTime()
        var offset: Int?
        var afternoon: Bool?
        var twelve = false
        for part in parts {
            switch part {
            case .literal(let byte): guard cursor.take(byte) else { return nil }
            case .year4:
                guard let value = cursor.number(4...4) else { return nil }
                time.year = value
            case .year2:
                guard let value = cursor.number(2...2) else { return nil }
                time.year = value < 69 ? 2_000 + value : 1_900 + value
            case .monthName:
                guard let value = cursor.monthName() else { return nil }
                time.month = value
            case .amPM:
                guard let value = cursor.afternoon() else { return nil }
                afternoon = value
            case .fraction:
                guard let value = cursor.fraction() else { return nil }
                time.microsecond = value
            case .offset:
                guard let value = cursor.offset() else { return nil }
                offset = value
            case .number(let field, let exact):
                guard let value = cursor.number(exact ? 2...2 : 1...2) else { return nil }
                switch field {
                case .month: time.month = value
                case .day: time.day = value
                case .hour: time.hour = value
                case .hour12:
                    guard (1...12).contains(value) else { return nil }
                    twelve = true
                    time.hour = value
                case .minute: time.minute = value
                case .second: time.second = value
                }
            }
        }
        if twelve, let afternoon { time.hour = time.hour % 12 + (afternoon ? 12 : 0) }
        guard cursor.atEnd, let micros = time.micros else { return nil }
        return Reading(micros: micros, offset: offset)
    }

    /// ISO 8601 as exports write it: a date, then optionally `T` or a space, hours, minutes, seconds, decimals, an offset.
    private static func iso(_ bytes: ArraySlice<UInt8>) -> Reading? {
        var cursor = DigitCursor(bytes)
        var time = CivilTime()
        guard let year = cursor.number(4...4), cursor.take(UInt8(ascii: "-")), let month = cursor.number(2...2),
            cursor.take(UInt8(ascii: "-")), let day = cursor.number(2...2)
        else { return nil }
        (time.year, time.month, time.day) = (year, month, day)
        var offset: Int?
        if !cursor.atEnd {
            guard cursor.take(UInt8(ascii: "T")) || cursor.take(UInt8(ascii: "t")) || cursor.take(UInt8(ascii: " ")),
                let hour = cursor.number(2...2), cursor.take(UInt8(ascii: ":")), let minute = cursor.number(2...2)
            else { return nil }
            (time.hour, time.minute) = (hour, minute)
            if cursor.take(UInt8(ascii: ":")) {
                guard let second = cursor.number(2...2) else { return nil }
                time.second = second
                if cursor.take(UInt8(ascii: ".")) || cursor.take(UInt8(ascii: ",")) {
                    guard let value = cursor.fraction() else { return nil }
                    time.microsecond = value
                }
            }
            _ = cursor.take(UInt8(ascii: " "))
            if !cursor.atEnd {
                guard let value = cursor.offset() else { return nil }
                offset = value
            }
        }
        guard cursor.atEnd, let micros = time.micros else { return nil }
        return Reading(micros: micros, offset: offset)
    }

    private static func epoch(_ bytes: ArraySlice<UInt8>, _ unit: Int64) -> Reading? {
        let whole = bytes.prefix { $0 != UInt8(ascii: ".") }
        guard let count = Int64(String(decoding: whole, as: UTF8.self)) else { return nil }
        let (micros, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        var decimals: Int64 = 0
        if whole.count < bytes.count {
            var cursor = DigitCursor(bytes.dropFirst(whole.count + 1))
            guard count >= 0, let value = cursor.fraction(), cursor.atEnd else { return nil }
            decimals = Int64(value) * unit / 1_000_000
        }
        let (sum, carry) = micros.addingReportingOverflow(decimals)
        guard !carry, CivilTime.range.contains(sum) else { return nil }
        return Reading(micros: sum, offset: 0)
    }
}

/// Walks over the bytes of one time text.
private struct DigitCursor {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var atEnd: Bool { position == bytes.endIndex }

    mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.endIndex, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func number(_ digits: ClosedRange<Int>) -> Int? {
        var value = 0
        var count = 0
        while count < digits.upperBound, position < bytes.endIndex, (0x30...0x39).contains(bytes[position]) {
            value = value * 10 + Int(bytes[position] - 0x30)
            position += 1
            count += 1
        }
        return count >= digits.lowerBound ? value : nil
    }

    /// Decimals of a second as microseconds, cut behind the sixth.
    mutating func fraction() -> Int? {
        var value = 0
        var count = 0
        while position < bytes.endIndex, (0x30...0x39).contains(bytes[position]) {
            if count < 6 { value = value * 10 + Int(bytes[position] - 0x30) }
            position += 1
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 6)..<6 { value *= 10 }
        return value
    }

    mutating func offset() -> Int? {
        if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return 0 }
        let negative = take(UInt8(ascii: "-"))
        guard negative || take(UInt8(ascii: "+")), let hours = number(2...2), hours < 24 else { return nil }
        let colon = take(UInt8(ascii: ":"))
        let minutes = number(2...2)
        guard minutes != nil || !colon, minutes ?? 0 < 60 else { return nil }
        let seconds = hours * 3_600 + (minutes ?? 0) * 60
        return negative ? -seconds : seconds
    }

    mutating func afternoon() -> Bool? {
        guard position + 2 <= bytes.endIndex, bytes[position + 1] | 0x20 == UInt8(ascii: "m") else { return nil }
        defer { position += 2 }
        return switch bytes[position] | 0x20 {
        case UInt8(ascii: "a"): false
        case UInt8(ascii: "p"): true
        default: nil
        }
    }

    mutating func monthName() -> Int? {
        guard position + 3 <= bytes.endIndex else { return nil }
        let name = String(decoding: bytes[position..<position + 3].map { $0 | 0x20 }, as: UTF8.self)
        let names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        guard let index = names.firstIndex(of: name) else { return nil }
        position += 3
        return index + 1
    }
}
