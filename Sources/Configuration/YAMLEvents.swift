import CYaml

/// One event of libyaml's parser (yaml.h, `yaml_event_t`), copied out.
enum YAMLEvent {
  case streamStart, streamEnd
  /// `declaresTags`: there is a `%TAG` directive.
  case documentStart(declaresTags: Bool)
  case documentEnd
  case alias
  case scalar(YAMLScalar, YAMLProperties)
  case sequenceStart(YAMLProperties)
  case sequenceEnd
  case mappingStart(YAMLProperties)
  case mappingEnd
}

/// What stands before a node: `&anchor` and `!tag`.
struct YAMLProperties {
  let hasAnchor: Bool
  let hasTag: Bool

  init(anchor: UnsafePointer<UInt8>?, tag: UnsafePointer<UInt8>?) {
    hasAnchor = anchor != nil
    hasTag = tag != nil
  }
}

/// Why libyaml could not go on.
struct YAMLSyntaxError: Error {
  let position: TextPosition
  let problem: String
}

/// Owns a parser of libyaml and the text that it reads.
struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// nil when there is no memory.
  init?(_ bytes: [UInt8]) {
    // libyaml counts a byte order mark as a column, and then sees no "---" behind it.
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let bytes = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
    let fresh = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(fresh) == 1 else {
      fresh.deallocate()
      return nil
    }
    parser = fresh
    text = .allocate(capacity: bytes.count)
    _ = text.initialize(from: bytes)
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    // Without this libyaml guesses, and would take UTF-16.
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// The next event and where it begins. Not to be called again after an error or the stream's end.
  mutating func next() throws(YAMLSyntaxError) -> (event: YAMLEvent, position: TextPosition) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { yaml_event_delete(&event) }
    return (YAMLEvent(copying: event), TextPosition(event.start_mark))
  }

  private func syntaxError() -> YAMLSyntaxError {
    let state = parser.pointee
    let problem = state.problem.map { String(cString: $0) } ?? "no memory"
    if state.error == YAML_READER_ERROR {
      // The only error without a mark: the offset counts bytes.
      let position = TextPosition(behind: text.prefix(state.problem_offset))
      return YAMLSyntaxError(position: position, problem: "not a UTF-8 text: \(problem)")
    }
    let context = state.context.map { " (\(String(cString: $0)))" } ?? ""
    // At the end of a text whose last line nothing ends, libyaml names one line more.
    let position = min(TextPosition(state.problem_mark), TextPosition(behind: text))
    return YAMLSyntaxError(position: position, problem: "not valid YAML: \(problem)\(context)")
  }
}

extension YAMLEvent {
  init(copying event: yaml_event_t) {
    let data = event.data
    switch event.type {
    case YAML_STREAM_START_EVENT: self = .streamStart
    case YAML_DOCUMENT_START_EVENT:
      self = .documentStart(declaresTags: data.document_start.tag_directives.start != nil)
    case YAML_DOCUMENT_END_EVENT: self = .documentEnd
    case YAML_ALIAS_EVENT: self = .alias
    case YAML_SCALAR_EVENT:
      let scalar = data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let style: YAMLScalar.Style = scalar.style == YAML_PLAIN_SCALAR_STYLE ? .plain : .quoted
      self = .scalar(
        YAMLScalar(text: text, style: style), YAMLProperties(anchor: scalar.anchor, tag: scalar.tag))
    case YAML_SEQUENCE_START_EVENT:
      self = .sequenceStart(YAMLProperties(anchor: data.sequence_start.anchor, tag: data.sequence_start.tag))
    case YAML_SEQUENCE_END_EVENT: self = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      self = .mappingStart(YAMLProperties(anchor: data.mapping_start.anchor, tag: data.mapping_start.tag))
    case YAML_MAPPING_END_EVENT: self = .mappingEnd
    // The end, and `YAML_NO_EVENT`, which libyaml gives when asked beyond it.
    default: self = .streamEnd
    }
  }
}

extension TextPosition {
  fileprivate init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }

  /// Behind the last of the octets, with what YAML 1.1 takes for the end of a line.
  fileprivate init(behind octets: some Collection<UInt8>) {
    var (line, column) = (1, 1)
    var previous: Unicode.Scalar = " "
    for scalar in String(decoding: octets, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": (line, column) = (line + 1, 1)
      default: column += 1
      }
      previous = scalar
    }
    self.init(line: line, column: column)
  }
}
