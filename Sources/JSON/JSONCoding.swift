import CJansson

/// Why a text is no JSON document that we take.
public struct JSONError: Error, Hashable, CustomStringConvertible {
  /// Both from 1.
  public let line: Int
  public let column: Int
  public let reason: String
  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension JSONValue {
  /// Reads one document and nothing behind it. Duplicate keys, invalid UTF-8, a nesting deeper than
  /// jansson's 2,048 levels, and numbers outside Int64 and Double are errors.
  public init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
    var error = json_error_t()
    // In one piece as they are, or copied into one as a whole: octet by octet it would take most of the reading.
    let loaded =
      bytes.withContiguousStorageIfAvailable { JSONValue.load(UnsafeRawBufferPointer($0), &error) }
      ?? Array(bytes).withUnsafeBytes { JSONValue.load($0, &error) }
    guard let root = loaded else {
      let reason = withUnsafeBytes(of: &error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw JSONError(line: Int(error.line), column: Int(error.column), reason: reason)
    }
    defer { json_decref(root) }
    self.init(copying: root)
  }

  private static func load(
    _ text: UnsafeRawBufferPointer, _ error: inout json_error_t
  ) -> UnsafeMutablePointer<json_t>? {
    let flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL
    // Of nothing there may be no place at all.
    let start = text.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
    return json_loadb(start?.assumingMemoryBound(to: CChar.self), text.count, Int(flags), &error)
  }

  private init(copying node: UnsafeMutablePointer<json_t>) {
    switch node.pointee.type {
    case JSON_OBJECT:
      var members: [Member] = []
      var iterator = json_object_iter(node)
      while let place = iterator {
        let key = String(cString: json_object_iter_key(place))
        members.append(Member(key, JSONValue(copying: json_object_iter_value(place))))
        iterator = json_object_iter_next(node, place)
      }
      self = .object(members)
    case JSON_ARRAY:
      self = .array((0..<json_array_size(node)).map { JSONValue(copying: json_array_get(node, $0)) })
    case JSON_STRING:
      let bytes = UnsafeRawBufferPointer(start: json_string_value(node), count: json_string_length(node))
      self = .string(String(decoding: bytes, as: UTF8.self))
    case JSON_INTEGER: self = .integer(json_integer_value(node))
    case JSON_REAL: self = .number(json_real_value(node))
    case JSON_TRUE: self = .bool(true)
    case JSON_FALSE: self = .bool(false)
    default: self = .null
    }
  }

  /// The document on one line, keys in their order, control characters escaped.
  public var text: String {
    var output = ""
    write(to: &output)
    return output
  }

  private func write(to output: inout String) {
    switch self {
    case .null: output += "null"
    case .bool(let flag): output += flag ? "true" : "false"
    case .integer(let number): output += "\(number)"
    // JSON has no infinity and no NaN.
    case .number(let number): output += number.isFinite ? "\(number)" : "null"
    case .string(let text): JSONValue.quote(text, to: &output)
    case .array(let items):
      output += "["
      for (index, item) in items.enumerated() {
        if index > 0 { output += ", " }
        item.write(to: &output)
      }
      output += "]"
    case .object(let members):
      output += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { output += ", " }
        JSONValue.quote(member.key, to: &output)
        output += ": "
        member.value.write(to: &output)
      }
      output += "}"
    }
  }

  private static func quote(_ text: String, to output: inout String) {
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\t": output += "\\t"
      // Control characters, C1 among them, and the separators that end a line in some readers.
      case "\0"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
