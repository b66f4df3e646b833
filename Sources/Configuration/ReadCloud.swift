import Model

extension CloudSettings {
  /// Reads `cloud:`; nil when it is not there or something was reported.
  init?(_ root: Section, presence: Presence) {
    let expected = "sources"
    if presence == .required, !root.holds("cloud") {
      root.missing("cloud", expected: "a mapping with \(expected), for role: cloud")
    }
    let settings = root.section("cloud", holding: expected) { CloudSettings(of: $0) }
    guard let settings, let settings else { return nil }
    self = settings
  }

  private init?(of section: Section) {
    let sources = section.sources()
    let wan = section.value("wanInterface", .wanInterface) ?? .auto
    let snat = section.value("snat", .sourceNAT) ?? .masquerade
    let allow = section.allow()
    let denied = section.deniedDestinations()
    let mss: MSSClamp = section.value("mss", .word) ?? .clamp
    let probe = ProbeSettings(section, sources: sources ?? [])
    guard let sources else { return nil }
    self.init(
      sources: sources, wanInterface: wan, snat: snat, allow: allow, denyDestinations: denied, clampMSS: mss,
      probe: probe)
  }
}

extension Section {
  fileprivate func sources() -> [CIDR]? {
    guard holds("sources") else {
      missing("sources", expected: "a list of ZeroTier networks such as 10.147.17.0/24")
      return nil
    }
    guard let networks = networks("sources") else { return nil }
    if writtenItems("sources") == 0 {
      diagnostics.report(
        "empty; expected at least one network such as 10.147.17.0/24", at: place(of: "sources"))
    }
    return networks
  }

  /// `private`, `none`, or a list.
  fileprivate func deniedDestinations() -> [CIDR] {
    if writtenItems("denyDestinations") != nil { return networks("denyDestinations") ?? [] }
    switch value("denyDestinations", Form<DeniedWord>.deniedWord) {
    // What is not written, or was reported.
    case nil, .private: return CloudSettings.privateDestinations
    case .nothing: return []
    }
  }

  /// Reads `allow:`, in the file's order.
  fileprivate func allow() -> [AllowedTraffic] {
    let expected = "entries such as {protocol: tcp, ports: [443]}"
    let entries = (items("allow", of: expected, atMost: 256) ?? []).compactMap { item in
      allowed(item).map { Located(value: $0, place: item.place) }
    }
    for entry in entries where !entry.value.ports.isEmpty {
      let wider = entries.first { $0.value.protocol == entry.value.protocol && $0.value.ports.isEmpty }
      guard let wider else { continue }
      diagnostics.warn("\(wider.place.key) allows all ports already; this changes nothing", at: entry.place)
    }
    return entries.map(\.value)
  }

  private func allowed(_ item: Located<YAMLNode>) -> AllowedTraffic? {
    guard let section = Section(item.value, at: item.place, diagnostics, holding: "protocol and ports") else {
      return nil
    }
    let transport = section.required("protocol", Form<TransportProtocol>.word)
    if transport == .icmp { section.refuse("ports", because: "ICMP has no ports; remove it") }
    let ports = transport == .icmp ? [] : section.list("ports", of: .ports, atMost: 1024)
    section.reportUnknownKeys()
    if section.writtenItems("ports") == 0, transport != .icmp {
      diagnostics.report("empty; leave the key out to allow all ports", at: section.place(of: "ports"))
    }
    return transport.map { AllowedTraffic(protocol: $0, ports: (ports ?? []).map(\.value).merged()) }
  }
}

/// `denyDestinations:` when it is no list.
private enum DeniedWord: String, CaseIterable {
  case `private`
  case nothing = "none"
}

extension Form where Value == DeniedWord {
  fileprivate static var deniedWord: Form {
    Form("private, none or a list of IPv4 networks", Form.word.read)
  }
}

extension [ClosedRange<UInt16>] {
  /// Sorted, and what overlaps made one: an interval set of nftables takes no overlaps.
  func merged() -> [ClosedRange<UInt16>] {
    var merged: [ClosedRange<UInt16>] = []
    for range in sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
      if let last = merged.last, last.upperBound >= range.lowerBound {
        merged[merged.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }
}
