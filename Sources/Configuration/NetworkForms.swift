import Model

// Addresses, networks, ports and names of the network.

extension Form where Value == IPAddress {
  /// One host's IPv4 address.
  static func host(_ example: String) -> Form {
    Form("an IPv4 address such as \(example)") { (scalar) throws(Misfit) in
      guard let address = IPAddress(scalar.text) else { throw .unlike }
      guard address.family == .ipv4 else {
        throw .unusable("is an IPv6 address, which is not supported yet; expected an IPv4 address")
      }
      if let kind = address.kindOfNoHost {
        throw .unusable("is \(kind); expected the address of a host, such as \(example)")
      }
      return address
    }
  }
}

extension IPAddress {
  /// What the address is when it can be no remote host's (RFC 6890); nil when it can.
  var kindOfNoHost: String? {
    let kinds: [(CIDR, String)] = [
      (.ipv4(0, 0, 0, 0, 8), "unspecified"), (.ipv4(127, 0, 0, 0, 8), "a loopback address"),
      (.ipv4(224, 0, 0, 0, 4), "a multicast address"), (.ipv4(240, 0, 0, 0, 4), "reserved"),
    ]
    return kinds.first { $0.0.contains(self) }?.1
  }

  /// 127.0.0.0/8 or ::1.
  var isLoopback: Bool {
    CIDR.ipv4(127, 0, 0, 0, 8).contains(self) || self == IPAddress(family: .ipv6, bits: 1)
  }
}

extension Form where Value == CIDR {
  /// An IPv4 network without host bits, and not all of IPv4.
  static var network: Form {
    var form = Form("an IPv4 network such as 10.0.0.0/8") { (scalar) throws(Misfit) in
      let network = try networkOfAnySize(scalar.text)
      guard network.family == .ipv4 else {
        throw .unusable("is an IPv6 network, which is not supported yet; expected an IPv4 network")
      }
      guard !network.isEverything else { throw .unusable("is every address; expected a smaller network") }
      return network
    }
    form.plural = "IPv4 networks such as 10.0.0.0/8"
    return form
  }
}

private func networkOfAnySize(_ text: String) throws(Misfit) -> CIDR {
  do throws(CIDR.Invalid) {
    return try CIDR(parsing: text)
  } catch {
    switch error {
    case .notAnAddress: throw .unlike
    case .hostBits(let network): throw .near(network.description)
    case .prefixLength:
      // Without a prefix one host was meant.
      throw IPAddress(text).map { .near(CIDR($0).description) } ?? .unlike
    }
  }
}

extension Form where Value == ZeroTierNetworkID {
  static var networkID: Form { Form(text: "the network's 16 hexadecimal digits") { ZeroTierNetworkID($0) } }
}

extension Form where Value == ZeroTierNodeID {
  static var nodeID: Form { Form(text: "the node's 10 hexadecimal digits") { ZeroTierNodeID($0) } }
}

extension Form where Value == InterfaceName {
  static var interface: Form {
    Form(text: "an interface's name of 1 to 15 bytes, without slash, colon or space") { text in
      text.unicodeScalars.contains { $0.properties.generalCategory == .control } ? nil : InterfaceName(text)
    }
  }
}

extension Form where Value == WANInterface {
  static var wanInterface: Form {
    let name = Form<InterfaceName>.interface
    return Form("auto or \(name.expected)") { (scalar) throws(Misfit) in
      scalar.text == "auto" ? .auto : .named(try name.read(scalar))
    }
  }
}

extension Form where Value == SourceNAT {
  static var sourceNAT: Form {
    let address = Form<IPAddress>.host("203.0.113.50")
    return Form("masquerade or \(address.expected)") { (scalar) throws(Misfit) in
      scalar.text == "masquerade" ? .masquerade : .fixed(try address.read(scalar))
    }
  }
}

extension Form where Value == ClosedRange<UInt16> {
  /// `443` or `8000-8100`.
  static var ports: Form {
    var form = Form("a port such as 443, or a range such as 8000-8100, from 1 to 65535") {
      (scalar) throws(Misfit) in
      let ends = scalar.text.split(separator: "-", omittingEmptySubsequences: false).map { port($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
        throw .unlike
      }
      guard first <= last else { throw .near("\(last)-\(first)") }
      return first...last
    }
    form.plural = "ports such as 443, or ranges such as 8000-8100"
    return form
  }
}

private func port(_ text: some StringProtocol) -> UInt16? {
  decimal(text).flatMap { UInt16(exactly: $0) }.flatMap { $0 == 0 ? nil : $0 }
}

extension Form where Value == MetricsSettings {
  static var listen: Form {
    Form(text: "off or an address and port such as 127.0.0.1:9479 or [::1]:9479") { text in
      text == "off" ? .off : SocketText.split(text).map { .listen($0.host, port: $0.port) }
    }
  }
}

extension Form where Value == APIEndpoint {
  /// ZeroTier's service speaks plain HTTP, and to loopback addresses only.
  static var api: Form {
    Form("a URL such as http://127.0.0.1:9993") { (scalar) throws(Misfit) in
      let scheme = "http://"
      guard scalar.text.hasPrefix(scheme) else { throw .unlike }
      var authority = scalar.text.dropFirst(scheme.count)
      if authority.hasSuffix("/") { authority.removeLast() }
      if authority.hasPrefix("localhost:") {
        authority = "127.0.0.1:" + authority.dropFirst("localhost:".count)
      }
      guard let (host, port) = SocketText.split(authority) else { throw .unlike }
      guard host.isLoopback else {
        throw .unusable("is not on this host; ZeroTier answers loopback addresses only, such as 127.0.0.1")
      }
      return APIEndpoint(host: host, port: port)
    }
  }
}

/// `127.0.0.1:9479` and `[::1]:9479`.
enum SocketText {
  static func join(_ host: IPAddress, _ port: UInt16) -> String {
    host.family == .ipv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  static func split(_ text: some StringProtocol) -> (host: IPAddress, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = port(text[text.index(after: colon)...]) else {
      return nil
    }
    var name = text[..<colon]
    let bracketed = name.hasPrefix("[") && name.hasSuffix("]")
    if bracketed { name = name.dropFirst().dropLast() }
    guard let host = IPAddress(name), (host.family == .ipv6) == bracketed else { return nil }
    return (host, port)
  }
}
