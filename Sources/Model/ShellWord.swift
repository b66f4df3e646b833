// Commands are shown to be copied: what others named must stay one word there, and do nothing else.

extension String {
  /// The text as one word of a shell's command line: as it is where no shell sees anything special in it, else quoted.
  public var shellWord: String { utf8.allSatisfy(isPlain) && !isEmpty ? self : shellQuoted }

  /// In single quotes; where these cannot hold it, as bash(1) and others read `$'…'`, so that nothing stands there
  /// that a terminal acts upon.
  public var shellQuoted: String {
    if utf8.allSatisfy({ (0x20...0x7e).contains($0) && $0 != apostrophe }) { return "'\(self)'" }
    var word = "$'"
    for byte in utf8 {
      switch byte {
      case apostrophe, backslash: word += "\\" + String(Unicode.Scalar(byte))
      case 0x20...0x7e: word.unicodeScalars.append(Unicode.Scalar(byte))
      default: word += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return word + "'"
  }
}

private let apostrophe: UInt8 = 0x27
private let backslash: UInt8 = 0x5c

private func isPlain(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
  default: "._-@%+:/=,".utf8.contains(byte)
  }
}
