/// What one check of `doctor` found.
package struct Finding: Sendable {
    package enum Grade: String, Sendable { case ok, warn, fail }

    package var check: String
    package var grade: Grade
    package var text: String
    /// What to do about it; nil when nothing.
    package var advice: String?

    package init(_ check: String, _ grade: Grade, _ text: String, advice: String? = nil) {
        self.check = check
        self.grade = grade
        self.text = text
        self.advice = advice
    }

    package func lines(for console: Console) -> [String] {
        let style: Console.Style =
            switch grade {
            case .ok: .green
            case .warn: .yellow
            case .fail: .red
            }
        let head = console.styled(grade.rawValue.padding(to: 4), style) + "  " + check.padding(to: 12) + "  " + text
        return [head] + (advice.map { ["      " + "".padding(to: 12) + "  → " + $0] } ?? [])
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
