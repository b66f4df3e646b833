import Model

/// Why no policy can be made of the configurations.
public enum CiliumPolicyRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case noGateway
  /// No name that a node can have.
  case node(String)
  case sameNode(String)
  case sameEgressIP(CiliumPolicy.Gateway, CiliumPolicy.Gateway)
  case otherExclusions(CiliumPolicy.Gateway, CiliumPolicy.Gateway)
  /// Of a version that has no list.
  case several([String], CiliumVersion)

  public var description: String {
    switch self {
    case .noGateway: "no gateway is given"
    case .node(let name):
      "\"\(name)\" is no node's name: expected at most 63 lower-case letters, digits, \"-\" and \".\", as kubectl get nodes has it"
    case .sameNode(let name): "node \(name) is given twice; each gateway is a node of its own"
    case .sameEgressIP(let one, let other):
      "\(one.place) and \(other.place) have the same egressIP, \(one.egressIP); each node has a ZeroTier address of its own"
    case .otherExclusions(let one, let other):
      "\(one.place) and \(other.place) differ in excludedCIDRs, and a policy has one list for all: "
        + "\(one.list) there, \(other.list) here; make them the same"
    case .several(let nodes, let version):
      "Cilium \(version) takes one gateway for a policy, and \(nodes.count) are given (\(nodes.joined(separator: ", "))); "
        + "give one, or use Cilium \(CiliumVersion.firstWithList)"
    }
  }
}

extension CiliumPolicy.Gateway {
  fileprivate var place: String { "\(file) (node \(node))" }
  fileprivate var list: String { "[\(excludedCIDRs.map(\.description).joined(separator: ", "))]" }
}
