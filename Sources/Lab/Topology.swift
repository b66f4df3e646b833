// Who is where. All addresses are from the ranges for documentation (RFC 5737, RFC 3849) or private ones.

/// A machine of the lab.
public enum Node: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  /// A sandbox, behind the gateway.
  case pod
  /// The egress gateway node.
  case gateway
  /// Everything behind the uplinks: routers, servers, and the leak counters.
  case internet
  case cloudA = "cloud-a"
  case cloudB = "cloud-b"

  public var description: String { rawValue }
}

/// How many cloud servers a lab has.
public enum CloudServers: String, Sendable {
  case one, two
  var nodes: [Node] { self == .one ? [.cloudA] : [.cloudA, .cloudB] }
}

/// The addresses of the lab.
public enum Address {
  public static let pod = "10.244.1.2"
  public static let podGateway = "10.244.1.1"
  /// The gateway's own address on its uplink, which no sandbox's packet may have.
  public static let uplink = "198.51.100.10"
  public static let uplinkRouter = "198.51.100.1"
  public static let cloudRouter = "203.0.113.1"
  public static let tunnelNetwork = "10.147.17.0/24"
  /// The gateway's ZeroTier address, Cilium's egressIP.
  public static let egress = "10.147.17.1"
  /// One that a test may give to the gateway besides.
  public static let otherEgress = "10.147.17.9"
  /// Answers HTTP, TCP and UDP with the client's address.
  public static let server = "203.0.113.80"
  public static let otherServers = ["1.1.1.1", "8.8.8.8"]
  /// Private, so excluded from the egress policy, and reached by the gateway's uplink.
  public static let excludedServer = "192.168.9.9"
  public static let excludedNetworks = [
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
  ]
  public static let serverIPv6 = "2001:db8:80::80"
  /// What ZeroTier makes from network and node (RFC 4193) for the gateway.
  public static let egressIPv6 = "fd33:ffeb:838b:0:199:93a5:23cc:24a1"
}

extension Node {
  /// Its address in the tunnel; nil for who is in none.
  public var tunnelAddress: String? {
    switch self {
    case .gateway: Address.egress
    case .cloudA: "10.147.17.2"
    case .cloudB: "10.147.17.3"
    case .pod, .internet: nil
    }
  }

  /// A cloud server's address as the Internet sees it; nil for the others.
  public var publicAddress: String? {
    switch self {
    case .cloudA: "203.0.113.50"
    case .cloudB: "203.0.113.51"
    case .pod, .gateway, .internet: nil
    }
  }

  /// Its node ID in ZeroTier.
  public var zeroTierID: String? {
    switch self {
    case .gateway: "a523cc24a1"
    case .cloudA: "89e2f8ab78"
    case .cloudB: "c81f0a3d52"
    case .pod, .internet: nil
    }
  }
}

/// Wires the namespaces. Links are made inside them from the start, so that the host's own namespace never
/// sees one.
struct Topology {
  let namespaces: [Node: NetworkNamespace]
  let clouds: [Node]

  func build() throws {
    guard let pod = namespaces[.pod], let gateway = namespaces[.gateway], let internet = namespaces[.internet]
    else { throw LabError("wiring the lab", "a namespace is missing") }
    try connectPod(pod, to: gateway)
    try connectUplink(of: gateway, to: internet)
    for (index, cloud) in clouds.enumerated() {
      guard let namespace = namespaces[cloud] else { continue }
      try connect(namespace, as: cloud, numbered: index, to: internet)
    }
    try furnish(internet)
  }

  private func connectPod(_ pod: NetworkNamespace, to gateway: NetworkNamespace) throws {
    try gateway.ip(batch: [
      "link add pod0 type veth peer name eth0 netns \(pod)",
      "addr add \(Address.podGateway)/24 dev pod0",
      "link set pod0 up",
    ])
    try pod.ip(batch: [
      "addr add \(Address.pod)/24 dev eth0", "link set eth0 up",
      "route add default via \(Address.podGateway)",
    ])
    // A packet from the pod has the egress IP as its source when the gateway routes it, an address of its own.
    try gateway.setSysctls(["net.ipv4.conf.pod0.accept_local": "1", "net.ipv4.ip_forward": "1"])
  }

  private func connectUplink(of gateway: NetworkNamespace, to internet: NetworkNamespace) throws {
    try gateway.ip(batch: [
      "link add uplink0 type veth peer name \(Topology.uplinkFarEnd) netns \(internet)",
      "addr add \(Address.uplink)/24 brd + dev uplink0",
      "addr add 2001:db8:198::10/64 dev uplink0 nodad",
      "link set uplink0 up",
      "route add default via \(Address.uplinkRouter)",
      "route add default via 2001:db8:198::1",
    ])
    try internet.ip(batch: [
      "addr add \(Address.uplinkRouter)/24 dev \(Topology.uplinkFarEnd)",
      "addr add 2001:db8:198::1/64 dev \(Topology.uplinkFarEnd) nodad",
      "link set \(Topology.uplinkFarEnd) up",
      // The private network behind the uplink knows the way to the pods; nobody knows one to the tunnel.
      "route add 10.244.1.0/24 via \(Address.uplink)",
    ])
  }

  private func connect(
    _ cloud: NetworkNamespace, as node: Node, numbered index: Int, to internet: NetworkNamespace
  ) throws {
    guard let address = node.publicAddress else { return }
    let prefix = "2001:db8:5\(index):"
    try cloud.ip(batch: [
      "link add eth0 type veth peer name \(node) netns \(internet)",
      "addr add \(address)/26 brd + dev eth0", "addr add \(prefix):2/64 dev eth0 nodad", "link set eth0 up",
      "route add default via \(Address.cloudRouter)", "route add default via \(prefix):1",
    ])
    try internet.ip(batch: [
      "addr add \(prefix):1/64 dev \(node) nodad", "link set \(node) up",
      "route add \(address)/32 dev \(node)",
    ])
    try cloud.setSysctls(["net.ipv4.ip_forward": "0"])
    try internet.setSysctls(["net.ipv4.conf.\(node).proxy_arp": "1"])
  }

  private func furnish(_ internet: NetworkNamespace) throws {
    let servers = [Address.cloudRouter, Address.server, Address.excludedServer] + Address.otherServers
    try internet.ip(
      batch: servers.map { "addr add \($0)/32 dev lo" } + ["addr add \(Address.serverIPv6)/128 dev lo nodad"])
    try internet.setSysctls(["net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"])
  }

  /// Where a leaking packet of the gateway arrives.
  static let uplinkFarEnd = "node0"
}
