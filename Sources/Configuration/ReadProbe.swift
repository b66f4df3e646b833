import Model

extension ProbeSettings {
  /// Reads `probe:` of the gateway.
  init(_ gateway: Section, excluding excluded: [CIDR]) {
    let expected = "interval, timeout, failAfter, recoverAfter, failbackAfter, through and publicAddress"
    self =
      gateway.section("probe", holding: expected) { section in
        var settings = ProbeSettings()
        settings.readPace(section)
        let failback = section.value("failbackAfter", .duration(.zero ... .seconds(3600)))
        if let failback { settings.failbackAfter = failback }
        settings.through = section.targets(none: "leave the key out to ask nobody") { address, place in
          section.reportExclusion(of: address, from: excluded, at: place)
        }
        settings.publicAddress = section.publicAddress(besides: excluded)
        return settings
      } ?? ProbeSettings()
  }

  /// Reads `probe:` of the cloud server; nil when it is not there, or was reported.
  /// - Parameter sources: addresses that lie in the tunnel, and so not behind the WAN.
  init?(_ cloud: Section, sources: [CIDR]) {
    let expected = "through, interval, timeout, failAfter and recoverAfter"
    let read = cloud.section("probe", holding: expected) { section -> ProbeSettings? in
      if !section.holds("through") {
        section.missing("through", expected: "a list of \(Form<TCPTarget>.target.plural)")
      }
      let targets = section.targets(none: "expected at least one target") { address, place in
        guard let source = sources.first(where: { $0.contains(address) }) else { return }
        section.diagnostics.report(
          "\(address) lies in \(source) of cloud.sources, and so in the tunnel; expected a host of the Internet",
          at: place)
      }
      var settings = ProbeSettings.cloud(through: targets)
      settings.readPace(section)
      return targets.isEmpty ? nil : settings
    }
    guard let read, let read else { return nil }
    self = read
  }

  /// What both roles have; what is not written stays as it is.
  private mutating func readPace(_ section: Section) {
    let interval = section.value("interval", .duration(.milliseconds(100) ... .seconds(60)))
    let timeout = section.value("timeout", .duration(.milliseconds(10) ... .seconds(60)))
    self.interval = interval ?? self.interval
    self.timeout = timeout ?? self.timeout
    failAfter = section.value("failAfter", .number(1...100)) ?? failAfter
    recoverAfter = section.value("recoverAfter", .number(1...100)) ?? recoverAfter
  }
}

extension Section {
  /// `through:`, each target once; empty when the key is not there. `report` says what is wrong with an address.
  fileprivate func targets(none remedy: String, _ report: (IPAddress, Place) -> Void) -> [TCPTarget] {
    guard let written = list("through", of: .target, atMost: ProbeSettings.mostTargets) else { return [] }
    if writtenItems("through") == 0 { diagnostics.report("empty; \(remedy)", at: place(of: "through")) }
    var kept: [TCPTarget] = []
    for target in written {
      report(target.value.address, target.place)
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
  fileprivate func reportExclusion(of address: IPAddress, from excluded: [CIDR], at place: Place) {
    guard let network = excluded.first(where: { $0.contains(address) }) else { return }
    diagnostics.report(
      "\(address) is inside \(network) of gateway.excludedCIDRs and would not be asked through the tunnel; "
        + "expected a server in the Internet", at: place)
  }
}

extension Form where Value == PublicAddressCheck {
  /// `http://203.0.113.80/path`; what is expected is another key's business.
  fileprivate static var webServer: Form {
    let example = "http://203.0.113.80/"
    return Form("a URL such as \(example)") { (scalar) throws(Misfit) in
      let rest = try URLText.authority(scalar.text, scheme: "http://")
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
