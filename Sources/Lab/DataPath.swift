/// What a forwarding machine has been told about the packets that pass.
enum DataPathRules: String, CaseIterable, Sendable {
  /// It forwards, and no more. The way back to the senders is given, as their addresses stay what they are.
  case none = "no rules"
  /// The least with which an answer from the Internet can find back: one rule of source NAT. Cloud servers alone.
  case masquerade = "masquerade alone"
  /// The plan's, written by hand: iptables on a cloud server, routes and a rule on a gateway.
  case recipe = "the recipe"
  case agent = "the agent"

  static let ofCloud = allCases
  static let ofGateway: [DataPathRules] = [.none, .recipe, .agent]
}

/// Where packets go in and what they should come out of.
struct DataPath: Sendable {
  struct End: Sendable {
    let node: Node
    let device: String
  }

  let lab: Lab
  let rules: DataPathRules

  /// Networks of senders that are not this lab's nodes: one for packets that nobody takes, one for connections.
  static let sources = "10.147.0.0/16"
  private static let senders = "10.147.64.0/18"
  private static let clients = "10.147.128.0/17"
  /// Neighbours that are not there: what is sent to them comes out of the machine, and goes no further.
  private static let nobody = "lladdr 02:00:00:00:00:99 nud permanent"
  static let destination = "203.0.113.60"
  static let neighbour = "198.51.100.77"

  // MARK: A cloud server

  static func cloud(_ rules: DataPathRules, _ options: Bench.Options) throws -> DataPath {
    let path = DataPath(lab: try Lab(.init(agent: options.agent)), rules: rules)
    do { try path.openCloud() } catch {
      path.lab.close()
      throw error
    }
    return path
  }

  private func openCloud() throws {
    try lab.replaceTunnelByLink()
    let device = try lab.zeroTier(.cloudA).device
    let cloud = try lab.namespace(.cloudA)
    try cloud.ip(batch: [
      "neigh add \(DataPath.destination) dev eth0 \(DataPath.nobody)",
      "neigh add 10.147.17.77 dev \(device) \(DataPath.nobody)",
      "route add \(DataPath.senders) via 10.147.17.77 dev \(device)",
      "route add \(DataPath.clients) via \(Address.egress) dev \(device)",
    ])
    try lab.namespace(.gateway).ip(batch: [
      "route add local \(DataPath.clients) dev lo",
      "route add \(Address.server) via \(Node.cloudA.tunnelAddress ?? "") dev \(device)",
    ])
    try lab.namespace(.internet).ip(
      "route add \(DataPath.clients) via \(Node.cloudA.publicAddress ?? "") dev \(Node.cloudA) onlink")
    switch rules {
    case .none: try cloud.setSysctls(["net.ipv4.ip_forward": "1"])
    case .masquerade: try lab.openCloudByHand(.cloudA, for: DataPath.sources)
    case .recipe: try lab.followRecipeByIptables(sources: DataPath.sources)
    case .agent:
      let text = try lab.configuration(for: .cloudA, Bench.Intervals(), metrics: "off")
        .replacing("[\(Address.tunnelNetwork)]", with: "[\(DataPath.sources)]")
      try lab.startAgent(on: .cloudA, configuration: text).waitFor(phase: "ready", within: .seconds(10))
    }
  }

  /// From the tunnel to the Internet.
  var out: (from: End, to: End) {
    get throws {
      (
        End(node: .gateway, device: try lab.zeroTier(.gateway).device),
        End(node: .internet, device: "\(Node.cloudA)")
      )
    }
  }

  /// Answers: from the Internet to the tunnel.
  var back: (from: End, to: End) {
    get throws {
      let (tunnel, internet) = try out
      return (internet, tunnel)
    }
  }

  // MARK: A gateway

  static func gateway(_ rules: DataPathRules, _ options: Bench.Options) throws -> DataPath {
    let path = DataPath(lab: try Lab(.init(agent: options.agent)), rules: rules)
    do { try path.openGateway() } catch {
      path.lab.close()
      throw error
    }
    return path
  }

  private func openGateway() throws {
    try lab.replaceTunnelByLink()
    let device = try lab.zeroTier(.gateway).device
    let gateway = try lab.namespace(.gateway)
    try gateway.ip("neigh add \(DataPath.neighbour) dev uplink0 \(DataPath.nobody)")
    switch rules {
    case .none, .masquerade:
      try gateway.ip("route add 203.0.113.0/24 via \(Node.cloudA.tunnelAddress ?? "") dev \(device)")
    case .recipe: try lab.typeGatewayRecipe()
    case .agent:
      let text = try lab.configuration(for: .gateway, Bench.Intervals(), metrics: "off")
      try lab.startAgent(on: .gateway, configuration: text).waitFor(phase: "ready", within: .seconds(10))
    }
  }

  /// From the sandboxes into the tunnel, where the cloud server drops it: it does not forward.
  var toTunnel: (from: End, to: End) {
    get throws {
      (End(node: .pod, device: "eth0"), End(node: .cloudA, device: try lab.zeroTier(.cloudA).device))
    }
  }

  /// From the sandboxes to the node's own network.
  var toUplink: (from: End, to: End) {
    (End(node: .pod, device: "eth0"), End(node: .internet, device: Topology.uplinkFarEnd))
  }

  /// Has the sandbox's connections pass: the cloud server as the plan has it, and Cilium's stand-in, whatever the rules.
  func openForConnections() throws {
    try CiliumStandIn(gateway: lab.namespace(.gateway)).install()
    try lab.openCloudByHand(.cloudA)
  }
}

extension DataPath {
  /// Packets a second that come out.
  func packetRate(
    _ flows: [PacketRing.Flow], _ way: (from: End, to: End), over time: Duration
  ) throws -> Double {
    let sender = try lab.namespace(way.from.node)
    let ring = PacketRing(flows, to: try hardwareBehind(way.from))
    let receiver = try lab.namespace(way.to.node)
    let before = try receiver.received(by: way.to.device)
    let sent = try ring.send(into: way.from.device, of: sender, for: time)
    let arrived = try receiver.received(by: way.to.device) - before
    // A packet or two of the lab's own may be among them, and some of a full queue lost.
    guard arrived > sent.packets / 2 else {
      throw LabError(
        "sending packets through \(rules.rawValue)", "\(arrived) of \(sent.packets) came out")
    }
    return Double(min(arrived, sent.packets)) / sent.took.seconds
  }

  /// The address of the forwarding machine's end.
  private func hardwareBehind(_ end: End) throws -> [UInt8] {
    switch (end.node, end.device) {
    case (.pod, _): try lab.namespace(.gateway).hardwareAddress(of: "pod0")
    case (.internet, _): try lab.namespace(.cloudA).hardwareAddress(of: "eth0")
    default: try lab.namespace(.cloudA).hardwareAddress(of: lab.zeroTier(.cloudA).device)
    }
  }
}
