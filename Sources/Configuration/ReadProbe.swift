import Model

extension ProbeSettings {
  /// Reads `probe:` of the gateway.
  init(_ gateway: Section, excluding excluded: [CIDR]) {
    let standard = ProbeSettings()
    let expected = "interval, timeout, failAfter, recoverAfter, failbackAfter, through and publicAddress"
    self =
      gateway.section("probe", holding: expected) { section in
        let interval = section.value("interval", .duration(.milliseconds(100) ... .seconds(60)))
        let timeout = section.value("timeout", .duration(.milliseconds(10) ... .seconds(60)))
        let failback = section.value("failbackAfter", .duration(.zero ... .seconds(3600)))
        var settings = ProbeSettings(
          interval: interval ?? standard.interval, timeout: timeout ?? standard.timeout,
          failAfter: section.value("failAfter", .number(1...100)) ?? standard.failAfter,
          recoverAfter: section.value("recoverAfter", .number(1...100)) ?? standard.recoverAfter,
          failbackAfter: failback ?? standard.failbackAfter)
        settings.through = section.targets("through", besides: excluded)
        settings.publicAddress = section.publicAddress(besides: excluded)
        return settings
      } ?? standard
  }
}

extension Section {
  /// A list of servers of the Internet, each once; empty when the key is not there.
  func targets(_ key: String, besides excluded: [CIDR]) -> [TCPTarget] {
    guard let written = list(key, of: .target, atMost: 8) else { return [] }
    if writtenItems(key) == 0 {
      diagnostics.report("empty; leave the key out to ask nobody", at: place(of: key))
    }
    var kept: [TCPTarget] = []
    for target in written {
      reportExclusion(of: target.value.address, from: excluded, at: target.place)
      if kept.contains(target.value) {
        diagnostics.warn("\(target.value) stands in the list twice", at: target.place)
      } else {
        kept.append(target.value)
      }
    }
    return kept
  }

  fileprivate func publicAddress(besides excluded: [CIDR]) -> PublicAddressCheck? {
    let read = section("publicAddress", holding: "url and expect") { section -> PublicAddressCheck? in
      let server = section.required("url", .webServer)
      let expected = section.expectedAddresses()
      guard let server, let expected, !expected.isEmpty else { return nil }
      section.reportExclusion(of: server.server, from: excluded, at: section.place(of: "url"))
      return PublicAddressCheck(
        server: server.server, port: server.port, path: server.path, expected: expected)
    }
    return read ?? nil
  }

  /// `expect:`, an address or a list of them: exits have several.
  private func expectedAddresses() -> [IPAddress]? {
    guard let count = writtenItems("expect") else {
      return required("expect", .host("203.0.113.50")).map { [$0] }
    }
    var form = Form<IPAddress>.host("203.0.113.50")
    form.plural = "IPv4 addresses such as 203.0.113.50"
    if count == 0 { diagnostics.report("empty; expected \(form.expected)", at: place(of: "expect")) }
    return list("expect", of: form, atMost: 64)?.map(\.value)
  }

  /// What is excluded from the tunnel is no proof of it: the question would go by the node's own network.
  private func reportExclusion(of address: IPAddress, from excluded: [CIDR], at place: Place) {
    guard let network = excluded.first(where: { $0.contains(address) }) else { return }
    diagnostics.report(
      "\(address) is inside \(network) of gateway.excludedCIDRs and would not be asked through the tunnel; "
        + "expected a server in the Internet", at: place)
  }
}

extension Form where Value == TCPTarget {
  /// `tcp://1.1.1.1:443`
  static var target: Form {
    let example = "tcp://1.1.1.1:443"
    var form = Form("a target such as \(example)") { (scalar) throws(Misfit) in
      let rest = try URLText.authority(scalar.text, scheme: "tcp://", example)
      guard let (host, port) = URLText.split(rest), let port else { throw .unlike }
      return TCPTarget(address: try URLText.server(host, example), port: port)
    }
    form.plural = "targets such as \(example)"
    return form
  }
}

extension Form where Value == PublicAddressCheck {
  /// `http://203.0.113.80/path`; what is expected is another key's business.
  fileprivate static var webServer: Form {
    let example = "http://203.0.113.80/"
    return Form("a URL such as \(example)") { (scalar) throws(Misfit) in
      if scalar.text.hasPrefix("https://") {
        throw .unusable("is HTTPS, which is not supported; expected \(example)")
      }
      let rest = try URLText.authority(scalar.text, scheme: "http://", example)
      let authority = rest.prefix { $0 != "/" }
      let path = rest[authority.endIndex...]
      guard let (host, port) = URLText.split(authority), path.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
      else { throw .unlike }
      return PublicAddressCheck(
        server: try URLText.server(host, example), port: port ?? 80, path: path.isEmpty ? "/" : String(path),
        expected: [])
    }
  }
}

/// URLs that name their server in numbers.
private enum URLText {
  static func authority(_ text: String, scheme: String, _ example: String) throws(Misfit) -> Substring {
    guard text.hasPrefix(scheme), text.utf8.count > scheme.utf8.count else { throw .unlike }
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
