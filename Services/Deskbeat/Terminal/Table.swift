/// Rows under a header, in columns as wide as their widest cell.
package struct Table {
    package enum Alignment: Sendable { case left, right }

    package struct Column: Sendable {
        package var title: String
        package var alignment: Alignment

        package init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    package struct Cell: Sendable, ExpressibleByStringLiteral {
        package var text: String
        package var style: Console.Style?

        package init(_ text: String, _ style: Console.Style? = nil) {
            self.text = text
            self.style = style
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    package let columns: [Column]
    package private(set) var rows: [[Cell]] = []

    package init(_ columns: [Column]) { self.columns = columns }

    /// A row has as many cells as the table has columns.
    package mutating func add(_ row: [Cell]) {
        precondition(row.count == columns.count)
        rows.append(row)
    }

    /// Lines without their ends; no blanks at the end of a line.
    package func lines(for console: Console) -> [String] {
        var widths = columns.map(\.title.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.text.count) }
        }
        let header = columns.map { Cell($0.title, .bold) }
        return ([header] + rows).map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.text.count)
                let text = cell.style.map { console.styled(cell.text, $0) } ?? cell.text
                let isLast = index == row.count - 1
                switch columns[index].alignment {
                case .left: line += text + (isLast ? "" : padding)
                case .right: line += padding + text
                }
                if !isLast { line += "  " }
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    package func print(to console: Console) { for line in lines(for: console) { console.line(line) } }
}
