import SupportEvents
import Testing

@Suite struct LabelFoldingTests {
    @Test(arguments: [
        ("Billing", "billing"), ("ÄÖÜ", "äöü"), ("Straße", "strasse"), ("STRASSE", "strasse"), ("STRAẞE", "strasse"),
        ("ΟΔΟΣ", "οδοσ"), ("οδος", "οδοσ"), ("İ", "i\u{307}"), ("I", "i"), ("ı", "ı"), ("Ǆ", "ǆ"), ("ǅ", "ǆ"),
        ("ﬁ", "fi"), ("\u{212A}", "k"), ("µ", "μ"), ("ᾳ", "αι"), ("ŉ", "ʼn"), ("Ж", "ж"), ("日本", "日本"), ("", ""),
        ("\u{13A0}", "\u{AB70}"), ("\u{AB70}", "\u{AB70}"), ("ſ", "s"), ("𐐀", "𐐨"),
    ])
    func folds(_ label: String, _ folded: String) {
        #expect(Array(LabelFolding.folded(label).unicodeScalars) == Array(folded.unicodeScalars))
        let decoder = EventDecoder()
        let event = decoder.decode(value: created(#","team":"\#(label)""#))
        #expect(decoder.bytes(event.team) == Array(folded.utf8))
        #expect(event.team.hash == (folded.isEmpty ? 0 : KeyHash.hash(Array(folded.utf8))))
    }

    /// Over all scalars: folding again changes nothing, and upper and lower case are the same label.
    @Test func foldingIsStable() {
        var unstable: [Unicode.Scalar] = []
        for value in UInt32(0)...0x10_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let folded = LabelFolding.folded(String(scalar))
            if LabelFolding.folded(folded) != folded { unstable.append(scalar) }
            // Dotless i has I as its upper case and is a letter of its own.
            guard scalar != "\u{131}" else { continue }
            if LabelFolding.folded(scalar.properties.lowercaseMapping) != folded { unstable.append(scalar) }
            if LabelFolding.folded(scalar.properties.uppercaseMapping) != folded { unstable.append(scalar) }
        }
        #expect(unstable.isEmpty, "\(unstable.prefix(10).map { String($0.value, radix: 16) })")
    }

    /// The fast path for ASCII and the slow one agree, at every length around the sixteen bytes of its loop.
    @Test func asciiPathsAgree() {
        let decoder = EventDecoder()
        let letters = Array("AbCdEfGhIjKlMnOpQrStUvWxYz@[`{0 -_".utf8)
        for count in 1...100 {
            let label = String(decoding: (0..<count).map { letters[($0 * 7 + count) % letters.count] }, as: UTF8.self)
            let event = decoder.decode(value: created(#","team":"\#(label)""#))
            #expect(decoder.string(event.team) == label.lowercased())
            #expect(event.team.hash == KeyHash.hash(Array(label.lowercased().utf8)))
        }
    }
}
