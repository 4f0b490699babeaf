extension Mapping {
    /// The mapping with every column's place in `header`. Throws at the first one that is not there.
    package func resolved(against header: [String]) throws(MappingError) -> Mapping {
        var indices: [String: Int] = [:]
        var repeated: Set<String> = []
        for (index, name) in header.enumerated() {
            if indices.updateValue(index, forKey: name) != nil { repeated.insert(name) }
        }
        let resolver = ColumnResolver(header: header, indices: indices, repeated: repeated)
        var mapping = self
        for index in mapping.skips.indices { try resolver.resolve(&mapping.skips[index].when) }
        for index in mapping.templates.indices { try resolver.resolve(&mapping.templates[index]) }
        return mapping
    }
}

private struct ColumnResolver {
    let header: [String]
    let indices: [String: Int]
    let repeated: Set<String>

    func resolve(_ template: inout Mapping.Template) throws(MappingError) {
        try resolve(&template.when)
        try resolve(&template.time)
        if var id = template.id {
            try resolve(&id)
            template.id = id
        }
        if var sequence = template.sequence {
            try resolve(&sequence)
            template.sequence = sequence
        }
        for index in template.members.indices { try resolve(&template.members[index].value) }
    }

    func resolve(_ alternatives: inout [[Mapping.Condition]]) throws(MappingError) {
        for index in alternatives.indices {
            for place in alternatives[index].indices { try resolve(&alternatives[index][place].column) }
        }
    }

    func resolve(_ value: inout Mapping.Value) throws(MappingError) {
        if case .pieces(var pieces) = value.origin {
            for index in pieces.indices {
                guard case .column(var column) = pieces[index] else { continue }
                try resolve(&column)
                pieces[index] = .column(column)
            }
            value.origin = .pieces(pieces)
        }
        if var number = value.number {
            for index in number.factors.indices { try resolve(&number.factors[index]) }
            value.number = number
        }
        guard var time = value.time else { return }
        for index in time.shifts.indices { try resolve(&time.shifts[index].column) }
        for index in time.notBefore.indices { try resolve(&time.notBefore[index]) }
        value.time = time
    }

    private func resolve(_ column: inout Mapping.Column) throws(MappingError) {
        guard let index = indices[column.name] else {
            throw MappingError(
                place: column.place,
                message: "the file has no column \"\(column.name)\"\(suggestion(for: column.name, among: header))")
        }
        guard !repeated.contains(column.name) else {
            throw MappingError(place: column.place, message: "the file has several columns \"\(column.name)\"")
        }
        column.index = index
    }
}
