/// Undoes the chunked transfer coding: RFC 9112, section 7.1.
struct HTTPChunkReader {
  private static let maximumLine = 1024
  private static let maximumTrailer = 8 * 1024

  let maximumBody: Int
  private var received: [UInt8] = []
  private var body: [UInt8] = []
  private var state = State.size
  private var trailer = 0

  private enum State {
    case size
    case data(Int)
    case endOfData, trailer
  }

  init(maximumBody: Int) { self.maximumBody = maximumBody }

  /// The whole body once the last chunk and the trailer have come; nil before.
  mutating func take(_ bytes: [UInt8]) throws(HTTPClientFailure) -> [UInt8]? {
    received += bytes
    var rest = received[...]
    defer { received = Array(rest) }
    while true {
      if case .data(let count) = state {
        guard rest.count >= count else { return nil }
        body += rest.prefix(count)
        rest = rest.dropFirst(count)
        state = .endOfData
      }
      guard let line = try HTTPChunkReader.takeLine(&rest) else { return nil }
      if try isLast(line) { return body }
    }
  }

  /// A line between the data; true for the empty one behind the trailer.
  private mutating func isLast(_ line: ArraySlice<UInt8>) throws(HTTPClientFailure) -> Bool {
    switch state {
    case .size: try begin(line)
    case .data, .endOfData:
      guard line.isEmpty else { throw .malformed("a chunk longer than its size") }
      state = .size
    case .trailer:
      trailer += line.count
      guard trailer <= HTTPChunkReader.maximumTrailer else { throw .tooLarge }
      return line.isEmpty
    }
    return false
  }

  private mutating func begin(_ line: ArraySlice<UInt8>) throws(HTTPClientFailure) {
    let digits = line.prefix { $0 != 0x3b && $0 != 0x20 && $0 != 0x09 }
    guard (1...15).contains(digits.count), digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw .malformed("chunk size \(HTTPHead.quoted(line))") }
    guard size <= maximumBody - body.count else { throw .tooLarge }
    state = size == 0 ? .trailer : .data(size)
  }

  private static func takeLine(_ rest: inout ArraySlice<UInt8>) throws(HTTPClientFailure) -> ArraySlice<
    UInt8
  >? {
    guard let end = rest.firstIndex(of: 0x0a) else {
      guard rest.count <= maximumLine else { throw .malformed("a chunk's line without an end") }
      return nil
    }
    let line = rest[..<end]
    rest = rest[(end + 1)...]
    return line.last == 0x0d ? line.dropLast() : line
  }
}
