/// What a mapping file says: how the rows of a table become events. `docs` of the format: `deploy/mappings/README.md`.
///
/// Columns are still names here; `RowMapper` resolves them against a file's header.
package struct Mapping: Sendable {
    /// CloudEvents `source` of every event; with the event ids, their identity.
    package var source: String
    package var format: DelimitedFormat?
    /// Names of the columns when the file has no header row.
    package var columns: [String]?
    /// Cells that mean "nothing", besides empty ones.
    package var missing: [[UInt8]] = []
    package var skips: [Skip] = []
    package var templates: [Template] = []
    /// The bytes of the mapping file, for the identity of a resumed replay.
    package var fingerprint: UInt64 = 0

    /// Rows that are left out on purpose, counted by reason.
    package struct Skip: Sendable {
        /// Alternatives: all conditions of one of them hold.
        package var when: [[Condition]]
        package var reason: String
    }

    /// One event per row, where its conditions hold.
    package struct Template: Sendable {
        package var type: EventShape
        /// Alternatives, as of ``Skip``; without any, always.
        package var when: [[Condition]] = []
        package var id: Value?
        package var time: Value
        package var sequence: Value?
        package var members: [(name: String, form: EventShape.Form, value: Value)] = []
        /// Rows are states: a row without status becomes `support.ticket.updated` instead, with every mapped member.
        package var isSnapshot = false
    }

    /// A test of one cell; the conditions of a list must all hold.
    package struct Condition: Sendable {
        package enum Test: Sendable {
            case oneOf([Pattern])
            case noneOf([Pattern])
            case present(Bool)
            /// A number within bounds; what is none is outside.
            case number([Bound])
        }

        package struct Bound: Sendable {
            package enum Side: String, Sendable, CaseIterable {
                case above, below
                case atLeast = "at_least"
                case atMost = "at_most"
            }

            package var side: Side
            package var limit: Double

            func holds(_ number: Double) -> Bool {
                switch side {
                case .above: number > limit
                case .below: number < limit
                case .atLeast: number >= limit
                case .atMost: number <= limit
                }
            }
        }

        package var column: Column
        package var test: Test
    }

    /// Text that a cell must equal; with `*` at its end, begin with.
    package struct Pattern: Sendable {
        package var text: [UInt8]
        package var isPrefix: Bool

        package init(_ text: String) {
            isPrefix = text.hasSuffix("*")
            self.text = Array(text.utf8.dropLast(isPrefix ? 1 : 0))
        }

        package func matches(_ cell: ArraySlice<UInt8>) -> Bool {
            isPrefix ? cell.starts(with: text) : cell.elementsEqual(text)
        }
    }

    /// A column's name, where the mapping file says so, and where the file at hand has it.
    package struct Column: Sendable {
        package var name: String
        package var place: Place
        package var index = -1

        package init(name: String, place: Place) {
            self.name = name
            self.place = place
        }
    }

    /// Where a member's value comes from.
    package struct Value: Sendable {
        package enum Origin: Sendable {
            /// One column is a template of one piece.
            case pieces([Piece])
            case constant(Text)
        }

        package enum Piece: Sendable {
            case text([UInt8])
            case column(Column)
        }

        package var origin: Origin
        package var map: [(pattern: Pattern, result: Constant)] = []
        /// Whether a cell that `map` does not name passes as it is.
        package var passes = true
        /// For a missing cell, and for one that `map` does not name; nil = a missing cell is absent, the other an error.
        package var fallback: Constant?
        package var missing: [[UInt8]] = []
        package var time: Time?
        /// How a cell is read as a number, where it is not simply written as one.
        package var number: CellNumber?
        package var separator: UInt8?
        package var place: Place
    }

    package enum Constant: Sendable, Equatable {
        case null
        case value(Text)
    }

    /// A constant as it stands in the mapping file, and as JSON, ready to be written.
    package struct Text: Sendable, Equatable {
        package var text: [UInt8]
        package var json: [UInt8]
    }

    package struct Time: Sendable {
        package var pattern: TimePattern
        package var zone: LocalZone
        /// Months by which the file's calendar is moved.
        package var moved: Int64 = 0
        /// Columns with amounts to add to the instant, negative for subtraction.
        package var shifts: [(column: Column, unit: Unit, sign: Int64)] = []
        /// A clock time more than 12 hours before this one belongs to the next day (calls over midnight).
        package var notBefore: [Value] = []

        package enum Unit: String, Sendable, CaseIterable {
            case milliseconds, seconds, minutes, hours, days, months
        }
    }
}

/// A place in the mapping file, both from 1.
package struct Place: Sendable, Equatable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// What is wrong with a mapping file, and where.
package struct MappingError: Error, CustomStringConvertible {
    package let place: Place
    package let message: String
    package var file = "mapping"

    package var description: String { "\(file):\(place.line):\(place.column): \(message)" }
}
