/// Where an agent finds what is not its own, and is found.
struct AgentPlaces {
  var socket: String
  var token: String

  static let configuration = "/etc/liteboxd/agent.yaml"
  static let zeroTierHome = "/var/lib/zerotier-one"
  /// On a machine of its own.
  static let installed = AgentPlaces(
    socket: "/run/liteboxd/agent.sock", token: "\(zeroTierHome)/authtoken.secret")
}

extension Lab {
  /// A configuration that makes the lab quick: short intervals for probes, as this machine can keep them, and polls.
  /// `metrics` is an address to listen on; every node has its own ports.
  public func configuration(for node: Node, metrics: String = "off") throws -> String {
    let places = AgentPlaces(
      socket: try AgentProgram(node, in: self).socket,
      token: "\(try zeroTier(node).stateDirectory)/authtoken.secret")
    return configuration(for: node, at: places, metrics: metrics)
  }

  /// The same for an agent that is installed on a machine of its own.
  public func installedConfiguration(for node: Node) -> String { configuration(for: node, at: .installed) }

  func configuration(for node: Node, at places: AgentPlaces, metrics: String = "off") -> String {
    let role = node == .gateway ? gatewaySection : cloudSection
    return """
      role: \(node == .gateway ? "gateway" : "cloud")
      zerotier:
        networkID: \(ZeroTierNode.networkID)
        api: http://127.0.0.1:9993
        authTokenFile: \(places.token)
        pollInterval: 500ms
      \(role)
      status:
        socket: \(places.socket)
      metrics:
        listen: "\(metrics)"
      reconcile:
        resyncInterval: 5s
        configPollInterval: 500ms
      log:
        level: debug
        format: text

      """
  }

  private var gatewaySection: String {
    let exits = clouds.map { cloud in
      """
          - name: \(cloud)
            address: \(cloud.tunnelAddress ?? "")
            nodeID: \(cloud.zeroTierID ?? "")
      """
    }
    return """
      gateway:
        egressIP: \(Address.egress)
        exits:
      \(exits.joined(separator: "\n"))
        probe:
          interval: \(200 * Patience.factor)ms
          timeout: \(200 * Patience.factor)ms
          failAfter: 3
          recoverAfter: 2
          failbackAfter: 2s
      """
  }

  private var cloudSection: String {
    """
    cloud:
      sources: [\(Address.tunnelNetwork)]
      wanInterface: auto
    """
  }
}
