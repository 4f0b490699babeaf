internal import CLibYAML

/// Reads a YAML 1.1 text with libyaml, event by event: anchors and aliases are told, not expanded, so that its work and memory are
/// proportional to the text whatever the text says.
@safe public struct YAMLParser: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    public init(_ text: String) {
        // libyaml keeps pointers to both until the parser is deleted.
        unsafe self.text = .allocate(capacity: max(1, text.utf8.count))
        _ = unsafe self.text.update(fromContentsOf: text.utf8)
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        // It can only run out of memory, and then every call below reports that.
        _ = unsafe yaml_parser_initialize(parser)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, self.text.baseAddress, text.utf8.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deinitialize(count: 1)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event; nil at the end of the text.
    ///
    /// - Throws: at the first place that is no YAML; do not call it again then.
    public mutating func next() throws(YAMLError) -> YAMLEvent? {
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) != 0 else { throw failure() }
            defer { unsafe yaml_event_delete(&event) }
            let mark = unsafe event.start_mark
            func made(_ kind: YAMLEvent.Kind, anchor: UnsafeMutablePointer<yaml_char_t>? = nil) -> YAMLEvent {
                unsafe YAMLEvent(
                    kind: kind, anchor: anchor.map { unsafe String(cString: $0) }, line: mark.line + 1,
                    column: mark.column + 1)
            }
            switch unsafe event.type {
            case YAML_DOCUMENT_START_EVENT: return made(.documentStart)
            case YAML_DOCUMENT_END_EVENT: return made(.documentEnd)
            case YAML_SCALAR_EVENT:
                let scalar = unsafe event.data.scalar
                let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.plain_implicit != 0
                return unsafe made(
                    .scalar(String(decoding: bytes, as: UTF8.self), isPlain: isPlain), anchor: scalar.anchor)
            case YAML_ALIAS_EVENT: return unsafe made(.alias(String(cString: event.data.alias.anchor)))
            case YAML_SEQUENCE_START_EVENT:
                return unsafe made(.sequenceStart, anchor: event.data.sequence_start.anchor)
            case YAML_SEQUENCE_END_EVENT: return made(.sequenceEnd)
            case YAML_MAPPING_START_EVENT: return unsafe made(.mappingStart, anchor: event.data.mapping_start.anchor)
            case YAML_MAPPING_END_EVENT: return made(.mappingEnd)
            case YAML_STREAM_START_EVENT: continue
            default: return nil
            }
        }
    }

    private func failure() -> YAMLError {
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "not readable as YAML"
        switch unsafe parser.pointee.error {
        case YAML_READER_ERROR:
            let end = unsafe min(parser.pointee.problem_offset, text.count)
            let before = unsafe UnsafeBufferPointer(rebasing: text[..<end])
            let lines = unsafe before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let column = unsafe lines.last.map { unsafe String(decoding: $0, as: UTF8.self).unicodeScalars.count } ?? 0
            return unsafe YAMLError(isEncoding: true, reason: problem, line: max(1, lines.count), column: column + 1)
        case YAML_MEMORY_ERROR:
            return YAMLError(isEncoding: false, reason: "there is no memory left to read it", line: 1, column: 1)
        default:
            let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) }
            let mark = unsafe parser.pointee.problem_mark
            return YAMLError(
                isEncoding: false, reason: [context, problem].compactMap { $0 }.joined(separator: ": "),
                line: mark.line + 1, column: mark.column + 1)
        }
    }
}
