extension Lab {
  /// A configuration that makes the lab quick: short intervals for probes and polls.
  /// `metrics` is an address to listen on; every node has its own ports.
  public func configuration(for node: Node, metrics: String = "off") throws -> String {
    let role = node == .gateway ? gatewaySection : cloudSection
    return """
      role: \(node == .gateway ? "gateway" : "cloud")
      zerotier:
        networkID: \(ZeroTierNode.networkID)
        api: http://127.0.0.1:9993
        authTokenFile: \(try zeroTier(node).stateDirectory)/authtoken.secret
        pollInterval: 500ms
      \(role)
      status:
        socket: \(try AgentProgram(node, in: self).socket)
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
          interval: 200ms
          timeout: 200ms
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
