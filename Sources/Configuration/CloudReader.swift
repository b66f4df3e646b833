import Model

extension CloudSettings {
  init?(_ fields: Fields) {
    let sources = fields.required("sources", "a list of ZeroTier networks").flatMap { Self.sources($0) }
    let wan = fields.optional("wanInterface").flatMap { Self.wan($0) }
    let snat = fields.optional("snat").flatMap { Self.snat($0) }
    let allow = fields.optional("allow")?.items("a list such as [{protocol: tcp, ports: [443]}]")?.compactMap
    {
      Fields($0).flatMap { AllowedTraffic($0) }
    }
    let denied = fields.optional("denyDestinations").flatMap { Self.denied($0) }
    let mss = fields.optional("mss")?.word(MSSClamp.self)
    fields.finish()
    guard let sources else { return nil }
    self.init(
      sources: sources, wanInterface: wan ?? .auto, snat: snat ?? .masquerade, allow: allow ?? [],
      denyDestinations: denied ?? Self.privateDestinations, clampMSS: mss ?? .clamp)
  }

  private static func sources(_ value: Value) -> [CIDR]? {
    guard let networks = value.networks("a source") else { return nil }
    guard !networks.isEmpty else {
      value.report("expected at least one network that may use this exit")
      return nil
    }
    return networks
  }

  private static func wan(_ value: Value) -> WANInterface? {
    if case .scalar(let scalar) = value.node.content, scalar.text == "auto" { return .auto }
    return value.interfaceName().map { .named($0) }
  }

  private static func snat(_ value: Value) -> SourceNAT? {
    if case .scalar(let scalar) = value.node.content {
      if scalar.text == "masquerade" { return .masquerade }
      if IPAddress(scalar.text) == nil, !scalar.isNull {
        value.report(
          "expected masquerade or an IPv4 address, found \(quoted(scalar.text))",
          suggestion: nearest(to: scalar.text, among: ["masquerade"]))
        return nil
      }
    }
    return value.unicastAddress("source NAT").map { .fixed($0) }
  }

  private static func denied(_ value: Value) -> [CIDR]? {
    guard case .scalar = value.node.content else { return value.networks("a denied destination") }
    return value.word(DeniedWord.self).map { $0 == .private ? privateDestinations : [] }
  }

  private enum DeniedWord: String, CaseIterable { case `private`, none }
}

extension AllowedTraffic {
  fileprivate init?(_ fields: Fields) {
    let transport = fields.required("protocol", "tcp, udp or icmp")?.word(TransportProtocol.self)
    let value = fields.optional("ports")
    let ports = value?.items("a list of ports such as [80, 443, 8000-8100]")?.compactMap { Self.range($0) }
    if let value, transport == .icmp { value.reportKey("ICMP has no ports; remove it") }
    if let value, let ports, ports.isEmpty {
      value.report("expected at least one port; leave ports out for all")
    }
    fields.finish()
    guard let transport else { return nil }
    let merged = NftablesSet(
      "", .port, ranges: (ports ?? []).map { UInt128($0.lowerBound)...UInt128($0.upperBound) })
    self.init(protocol: transport, ports: merged.ranges.map { UInt16($0.lowerBound)...UInt16($0.upperBound) })
  }

  private static func range(_ value: Value) -> ClosedRange<UInt16>? {
    value.parsed("a port from 1 to 65535, or a range such as 8000-8100") { text in
      let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end -> UInt16? in
        end.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(end).flatMap { $0 > 0 ? $0 : nil } : nil
      }
      guard ends.count <= 2, let first = ends[0], let last = ends.last ?? nil, first <= last else {
        return nil
      }
      return first...last
    }
  }
}
