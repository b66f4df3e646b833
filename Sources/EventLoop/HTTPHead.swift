/// The start line and the header of a message: RFC 9112, sections 2 to 5.
struct HTTPHead: Hashable {
  let startLine: String
  let fields: [HTTPField]

  enum Scan: Hashable {
    case incomplete
    /// The body begins at that offset.
    case complete(HTTPHead, bodyStart: Int)
    case malformed(String)
    case tooLarge
  }

  /// Looks at what has arrived so far; a head longer than `limit` octets is never complete. In the first `known`
  /// octets no head ended when they were looked at.
  static func scan(_ bytes: [UInt8], limit: Int, known: Int = 0) -> Scan {
    guard let end = endOfHead(bytes, known) else { return bytes.count >= limit ? .tooLarge : .incomplete }
    guard end <= limit else { return .tooLarge }
    var lines = bytes[..<end].split(separator: lf, omittingEmptySubsequences: false)
      .map { $0.last == cr ? $0.dropLast() : $0 }
    // The empty line, and what split makes of the end of the last one.
    lines.removeLast(2)
    guard let first = lines.first, !first.isEmpty else { return .malformed("no start line") }
    if let line = lines.first(where: { $0.contains { $0 < 0x20 && $0 != tab || $0 == 0x7f } }) {
      return .malformed("a control character in \(quoted(line))")
    }
    var fields: [HTTPField] = []
    for line in lines.dropFirst() {
      guard let field = field(line) else { return .malformed("no header field: \(quoted(line))") }
      fields.append(field)
    }
    return .complete(HTTPHead(startLine: text(first), fields: fields), bodyStart: end)
  }

  /// - Parameter name: in small letters.
  func values(_ name: String) -> [String] {
    fields.compactMap { $0.isNamed(name) ? $0.value : nil }
  }

  /// The members of a list of words, in small letters.
  func tokens(_ name: String) -> [String] {
    values(name).flatMap { $0.split { $0 == "," || $0 == " " || $0 == "\t" } }.map { $0.lowercased() }
  }

  /// How a message says where its body ends.
  enum BodyLength: Hashable {
    case unsaid
    case octets(Int)
    case chunked
    case malformed(String)
  }

  /// Two lengths, a length beside an encoding, and encodings but chunked are refused: RFC 9112, 6.3.
  var bodyLength: BodyLength {
    let encodings = values("transfer-encoding")
    let lengths = values("content-length")
    switch (encodings.count, lengths.count) {
    case (0, 0): return .unsaid
    case (0, 1):
      let digits = lengths[0].utf8
      guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ (48...57).contains($0) }),
        let count = Int(lengths[0])
      else { return .malformed("Content-Length \(HTTPHead.quoted(digits))") }
      return .octets(count)
    case (1, 0) where encodings[0].lowercased() == "chunked": return .chunked
    default: return .malformed("contradicting or unknown Transfer-Encoding and Content-Length")
    }
  }

  /// Behind the first empty line, whose line ends may lack the carriage return.
  private static func endOfHead(_ bytes: [UInt8], _ known: Int) -> Int? {
    // The last line's end and a carriage return may be among the known.
    var index = max(0, known - 2)
    while let newline = bytes[index...].firstIndex(of: lf) {
      let next = newline + 1
      if next < bytes.count, bytes[next] == lf { return next + 1 }
      if next + 1 < bytes.count, bytes[next] == cr, bytes[next + 1] == lf { return next + 2 }
      index = next
    }
    return nil
  }

  private static func field(_ line: ArraySlice<UInt8>) -> HTTPField? {
    guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex,
      line[..<colon].allSatisfy(isTokenCharacter)
    else { return nil }
    var value = line[(colon + 1)...]
    while let last = value.last, last == 0x20 || last == tab { value.removeLast() }
    while let first = value.first, first == 0x20 || first == tab { value.removeFirst() }
    return HTTPField(text(line[..<colon]), text(value))
  }

  /// RFC 9110, 5.6.2.
  static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// At most 40 characters of a stranger's text, printable, for an error.
  static func quoted(_ bytes: some Collection<UInt8>) -> String {
    let shown = bytes.prefix(40).map { (0x20...0x7e).contains($0) ? $0 : 0x3f }
    return "\"\(String(decoding: shown, as: UTF8.self))\(bytes.count > 40 ? "…" : "")\""
  }

  private static func text(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
  private static let lf: UInt8 = 0x0a
  private static let cr: UInt8 = 0x0d
  private static let tab: UInt8 = 0x09
}
