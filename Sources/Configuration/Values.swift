import Model

// Values that several sections have.

extension Value {
  /// A whole number within bounds.
  func integer(_ bounds: ClosedRange<Int>) -> Int? {
    parsed("a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") { text in
      // A sign or a space would pass Int.init.
      guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
        return nil
      }
      return bounds.contains(number) ? number : nil
    }
  }

  /// `500ms`, `2s`, `1m`, `1h`.
  func duration(_ bounds: ClosedRange<Duration>) -> Duration? {
    let range = "\(Self.text(bounds.lowerBound)) to \(Self.text(bounds.upperBound))"
    return parsed("a duration such as 500ms, 2s or 1m, from \(range)") { text in
      guard let duration = Self.duration(text) else { return nil }
      return bounds.contains(duration) ? duration : nil
    }
  }

  private static func duration(_ text: String) -> Duration? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, digits.count <= 9, let number = Int(digits) else { return nil }
    return switch text.dropFirst(digits.count) {
    case "ms": .milliseconds(number)
    case "s": .seconds(number)
    case "m": .seconds(number * 60)
    case "h": .seconds(number * 3600)
    default: nil
    }
  }

  private static func text(_ duration: Duration) -> String {
    let milliseconds = Int(duration / .milliseconds(1))
    if milliseconds == 0 { return "0s" }
    if milliseconds % 3_600_000 == 0 { return "\(milliseconds / 3_600_000)h" }
    if milliseconds % 60_000 == 0 { return "\(milliseconds / 60_000)m" }
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }

  func interfaceName() -> InterfaceName? {
    parsed("an interface name of 1 to 15 characters without slash, colon or white space") {
      InterfaceName($0)
    }
  }

  /// An absolute path of less than so many octets.
  func path(shorterThan limit: Int = 4096) -> String? {
    parsed("an absolute path of less than \(limit) octets") {
      $0.hasPrefix("/") && $0.utf8.count < limit && !$0.utf8.contains(0) ? $0 : nil
    }
  }

  /// An IPv4 address that a host can have.
  func unicastAddress(_ what: String) -> IPAddress? {
    guard let address = parsed("an IPv4 address", { IPAddress($0) }) else { return nil }
    guard address.family == .ipv4 else {
      report("\(what) over IPv6 is not supported by this version; expected an IPv4 address")
      return nil
    }
    let unusable: [(CIDR, String)] = [
      (.ipv4(0, 0, 0, 0, 8), "is no host's address"), (.ipv4(127, 0, 0, 0, 8), "is a loopback address"),
      (.ipv4(224, 0, 0, 0, 4), "is a multicast address"), (.ipv4(240, 0, 0, 0, 4), "is reserved"),
    ]
    for (network, reason) in unusable where network.contains(address) {
      report("expected an address that a host can have; \(address) \(reason)")
      return nil
    }
    return address
  }

  /// A list of IPv4 networks, none of them everything. Those that cannot be read are reported and left out.
  func networks(_ what: String) -> [CIDR]? {
    items("a list of networks such as [10.0.0.0/8]")?.compactMap { $0.network(what) }
  }

  private func network(_ what: String) -> CIDR? {
    guard let text = text("a network such as 10.0.0.0/8") else { return nil }
    do throws(CIDR.Invalid) {
      let network = try CIDR(parsing: text)
      guard network.family == .ipv4 else {
        report("\(what) over IPv6 is not supported by this version; expected an IPv4 network")
        return nil
      }
      guard !network.isEverything else {
        report("expected a part of the addresses, found \(network), which is all of them")
        return nil
      }
      return network
    } catch {
      reportNetwork(text, error)
      return nil
    }
  }

  private func reportNetwork(_ text: String, _ reason: CIDR.Invalid) {
    switch reason {
    case .notAnAddress: report("expected a network such as 10.0.0.0/8, found \(quoted(text))")
    case .prefixLength(let maximum):
      report("expected a prefix length from 0 to \(maximum) behind a slash, found \(quoted(text))")
    case .hostBits(let network):
      report("host bits are set in \(quoted(text))", suggestion: network.description)
    }
  }
}

/// `address:port`, IPv6 addresses in brackets.
enum SocketText {
  static func join(_ host: IPAddress, _ port: UInt16) -> String {
    host.family == .ipv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  static func parse(_ text: some StringProtocol) -> (host: IPAddress, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = String(text[..<colon])
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits),
      port > 0
    else { return nil }
    if host == "localhost" { host = "127.0.0.1" }
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let address = IPAddress(host.dropFirst().dropLast()), address.family == .ipv6 else { return nil }
      return (address, port)
    }
    guard let address = IPAddress(host), address.family == .ipv4 else { return nil }
    return (address, port)
  }
}
