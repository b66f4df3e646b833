import Model

/// A server that takes TCP connections: `tcp://1.1.1.1:443`.
public struct TCPTarget: Hashable, Sendable, CustomStringConvertible {
  /// IPv4; names are not resolved.
  public let address: IPAddress
  public let port: UInt16

  public init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  public var description: String { "tcp://\(address):\(port)" }
}

extension Form where Value == TCPTarget {
  /// `tcp://1.1.1.1:443`
  static var target: Form {
    let example = "tcp://1.1.1.1:443"
    var form = Form("a target such as \(example)") { (scalar) throws(Misfit) in
      guard URLText.hasScheme(scalar.text) else {
        throw SocketText.split(scalar.text).map { .near("tcp://\(SocketText.join($0.host, $0.port))") }
          ?? .unlike
      }
      let rest = try URLText.authority(scalar.text, scheme: "tcp://")
      guard let (host, port) = URLText.split(rest), let port else { throw .unlike }
      return TCPTarget(address: try URLText.server(host, example), port: port)
    }
    form.plural = "targets such as \(example)"
    return form
  }
}

/// URLs that name their server in numbers.
enum URLText {
  /// Letters, and `://` behind them.
  static func hasScheme(_ text: String) -> Bool {
    text.drop { $0.isASCII && $0.isLetter }.hasPrefix("://")
  }

  static func authority(_ text: String, scheme: String) throws(Misfit) -> Substring {
    guard text.hasPrefix(scheme) else {
      throw hasScheme(text)
        ? .unusable("has a scheme that is not supported; expected \(scheme)") : .unlike
    }
    return text.dropFirst(scheme.count)
  }

  /// Host and port; nil when what stands behind the colon is no port.
  static func split(_ authority: Substring) -> (host: Substring, port: UInt16?)? {
    guard let colon = authority.lastIndex(of: ":") else { return (authority, nil) }
    guard let number = decimal(authority[authority.index(after: colon)...]),
      let port = UInt16(exactly: number),
      port != 0
    else { return nil }
    return (authority[..<colon], port)
  }

  /// A resolver's own questions would not go through the tunnel, so that names prove nothing.
  static func server(_ host: Substring, _ example: String) throws(Misfit) -> IPAddress {
    let isIPv6 = host.hasPrefix("[")
    guard !isIPv6, let address = IPAddress(host), address.family == .ipv4 else {
      if isIPv6 { throw .unusable("is IPv6, which is not supported yet; expected \(example)") }
      throw .unusable("names its server; names are not resolved, expected an IPv4 address as in \(example)")
    }
    if let kind = address.kindOfNoHost { throw .unusable("is \(kind); expected a server such as \(example)") }
    return address
  }
}
