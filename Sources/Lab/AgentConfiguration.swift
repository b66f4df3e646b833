extension Lab {
  /// Starts the agent on a node; nil as configuration means the lab's own for that node. It is ended with the
  /// lab at the latest. A second start on the same node finds the first one's state.
  @discardableResult public func startAgent(on node: Node, configuration: String? = nil) throws
    -> AgentProcess
  {
    let program = try options.agent ?? Lab.program("liteboxd-agent", environment: "LITEBOXD_AGENT")
    let text = try configuration ?? self.configuration(for: node)
    let agent = try AgentProcess(node, configuration: text, in: self, program: program)
    keep(agent)
    return agent
  }

  /// A configuration that makes the lab quick: short intervals for probes and polls, no metrics.
  public func configuration(for node: Node) throws -> String {
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
        socket: \(try AgentFiles(node, in: self).socket)
      metrics:
        listen: "off"
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
