import Model

/// The CiliumEgressGatewayPolicy that sends sandboxes' traffic to the gateways' egress IPs.
public struct CiliumPolicy: Hashable, Sendable {
  /// A gateway as its own configuration has it.
  public struct Gateway: Hashable, Sendable {
    /// The Kubernetes node's name, which is its label `kubernetes.io/hostname`.
    public var node: String
    public var egressIP: IPAddress
    /// As the routing table has them: without those that lie inside another.
    public var excludedCIDRs: [CIDR]
    /// The configuration file, for messages.
    public var file: String

    public init(node: String, egressIP: IPAddress, excludedCIDRs: [CIDR], file: String) {
      self.node = node
      self.egressIP = egressIP
      self.excludedCIDRs = excludedCIDRs.withoutContained()
      self.file = file
    }
  }

  public static let name = "liteboxd-sandbox-egress-via-node"
  /// Where the kustomization looks for the policy.
  public static let fileName = "cilium-egress-gateway-policy.yaml"
  /// Sandboxes that may use the Internet.
  static let podLabels = [("app", "liteboxd"), ("liteboxd.io/internet-access", "true")]

  private let gateways: [Gateway]
  private let version: CiliumVersion

  /// At least one gateway. Refuses what no single policy can say.
  public init(_ gateways: [Gateway], for version: CiliumVersion) throws(CiliumPolicyRefusal) {
    guard let first = gateways.first else { throw .noGateway }
    for gateway in gateways where !CiliumPolicy.isHostname(gateway.node) { throw .node(gateway.node) }
    for (place, gateway) in gateways.enumerated() {
      let earlier = gateways[..<place]
      if earlier.contains(where: { $0.node == gateway.node }) { throw .sameNode(gateway.node) }
      if let other = earlier.first(where: { $0.egressIP == gateway.egressIP }) {
        throw .sameEgressIP(other, gateway)
      }
      if gateway.excludedCIDRs != first.excludedCIDRs { throw .otherExclusions(first, gateway) }
    }
    if gateways.count > 1, version < .firstWithList { throw .several(gateways.map(\.node), version) }
    self.gateways = gateways
    self.version = version
  }

  /// A node's name (RFC 1123 subdomain) that is a label's value too, so at most 63 characters.
  private static func isHostname(_ text: String) -> Bool {
    func isAlphanumeric(_ octet: UInt8?) -> Bool {
      octet.map { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) } ?? false
    }
    let parts = text.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
    return text.utf8.count <= 63
      && parts.allSatisfy { part in
        isAlphanumeric(part.first) && isAlphanumeric(part.last)
          && part.allSatisfy { isAlphanumeric($0) || $0 == 0x2d }
      }
  }
}

extension CiliumPolicy {
  /// The YAML document.
  public var text: String {
    YAMLValue.mapping([
      .init("apiVersion", .text("cilium.io/v2")),
      .init("kind", .text("CiliumEgressGatewayPolicy")),
      .init("metadata", .mapping([.init("name", .text(CiliumPolicy.name))])),
      .init("spec", .mapping(specification)),
    ]).document(comments: introduction)
  }

  private var introduction: [String] {
    [
      "Made by \"liteboxd-agent render cilium-policy\" for Cilium \(isList ? "\(CiliumVersion.firstWithList) or newer" : "\(version)").",
      "", "Deleting this policy does not stop sandboxes: they then leave by their own nodes' addresses.",
    ]
      + (gateways.count > 1
        ? [
          "Before Cilium 1.18.7, pods of an entry whose nodeSelector matches no node are dropped, not given to another."
        ] : [])
  }

  private var isList: Bool { version >= .firstWithList }

  private var specification: [YAMLValue.Member] {
    let selector = YAMLValue.mapping([.init("podSelector", CiliumPolicy.labels(CiliumPolicy.podLabels))])
    let excluded = gateways[0].excludedCIDRs
    return [
      .init("selectors", .list([selector])),
      .init("destinationCIDRs", .texts([CIDR.everything(.ipv4).description])),
    ]
      + (excluded.isEmpty
        ? []
        : [
          .init(
            "excludedCIDRs", .texts(excluded.map(\.description)),
            comments: ["The same as in the gateways' routing tables."])
        ]) + entries
  }

  /// Up to 1.17 one gateway; from 1.18 on a list. The schema still requires the one then, and Cilium ignores it.
  private var entries: [YAMLValue.Member] {
    let first = CiliumPolicy.entry(gateways[0])
    guard isList else { return [.init("egressGateway", first)] }
    return [
      .init("egressGateway", first, comments: ["Required by the schema, and ignored beside the list below."]),
      .init("egressGateways", .list(gateways.map(CiliumPolicy.entry))),
    ]
  }

  private static func entry(_ gateway: Gateway) -> YAMLValue {
    .mapping([
      .init("nodeSelector", labels([("kubernetes.io/hostname", gateway.node)])),
      .init("egressIP", .text(gateway.egressIP.description)),
    ])
  }

  private static func labels(_ labels: [(String, String)]) -> YAMLValue {
    .mapping([.init("matchLabels", .mapping(labels.map { .init($0.0, .text($0.1)) }))])
  }
}
