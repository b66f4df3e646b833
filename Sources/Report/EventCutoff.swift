/// From when on events are asked for.
public enum EventCutoff: Equatable, Sendable {
  case ago(seconds: Int64)
  case at(Timestamp)

  /// Reads `90s`, `10m`, `2h`, `3d`, or a moment of RFC 3339 such as `2026-11-21T09:00:00Z` or
  /// `2026-11-21T10:00:00.5+01:00`; nil for anything else.
  public init?(_ text: String) {
    if let moment = Timestamp(rfc3339: text) {
      self = .at(moment)
      return
    }
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    let digits = text.dropLast()
    guard let unit = text.last.flatMap({ units[$0] }), (1...9).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(digits)
    else { return nil }
    self = .ago(seconds: number * unit)
  }

  public func moment(now: Timestamp) -> Timestamp {
    switch self {
    case .ago(let seconds): Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - seconds)
    case .at(let moment): moment
    }
  }
}

extension Timestamp {
  /// With any fraction of a second, which is cut off, and any offset from UTC.
  fileprivate init?(rfc3339 text: String) {
    guard text.utf8.count >= 20, let local = Timestamp(String(text.prefix(19)) + "Z") else { return nil }
    var rest = text.dropFirst(19)
    if rest.first == "." {
      let fraction = rest.dropFirst().prefix { ("0"..."9").contains($0) }
      guard !fraction.isEmpty else { return nil }
      rest = rest.dropFirst(1 + fraction.count)
    }
    guard let offset = Self.offset(rest) else { return nil }
    self.init(secondsSinceEpoch: local.secondsSinceEpoch - offset)
  }

  /// Seconds east of UTC: `Z`, `+01:00`.
  private static func offset(_ text: Substring) -> Int64? {
    if text == "Z" { return 0 }
    let bytes = Array(text.utf8)
    guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"),
      bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-")
    else { return nil }
    let digits = [bytes[1], bytes[2], bytes[4], bytes[5]].map { Int64($0) - 48 }
    guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
    let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
    guard hours < 24, minutes < 60 else { return nil }
    return (hours * 3_600 + minutes * 60) * (bytes[0] == UInt8(ascii: "+") ? 1 : -1)
  }
}
