/// What the simulated ZeroTier's API has to say; pure, so that the wire is someone else's matter.
struct ZeroTierAnswers {
  var node: Node
  var clouds = CloudServers.one
  var networkID: String
  var device: String
  var address: String
  var network = ZeroTierNetworkState.ok
  var paths = ZeroTierPaths.direct
  /// Those of whom something else is said, and when that began.
  private(set) var exceptions: [Node: (peer: ZeroTierPeer, since: Int64)] = [:]
  /// False for the first seconds after a restart.
  var online = true
  /// The others are known a moment after a restart only.
  var knowsPeers = true
  var token: String
  var fault = ZeroTierAPIFault.normal
  var managedDefault = false
  /// A second network of this host.
  var other: (id: String, device: String)?
  /// What stands in the bodies for that text.
  var substitutions: [String: [UInt8]] = [:]
  /// Shutting down: no network is left, and it still answers for a moment.
  var leaving = false

  struct Answer {
    var code: Int
    var body: String?
    static let unauthorised = Answer(code: 401, body: "{}")
    static let unknownPath = Answer(code: 404, body: nil)
    static let unknownNetwork = Answer(code: 404, body: "{}")
  }

  /// The answer to GET `path` with what came as X-ZT1-Auth, from the loopback or from elsewhere.
  func answer(to path: String, token offered: String?, fromLoopback: Bool) -> Answer {
    if path == "/health" { return Answer(code: 200, body: fill(Recorded.health)) }
    guard fault != .status401, offered == token, fromLoopback else { return .unauthorised }
    if fault == .status500 { return Answer(code: 500, body: nil) }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
    switch (parts.first, parts.count) {
    case ("status", 1): return Answer(code: 200, body: fill(Recorded.status))
    case ("network", 1): return Answer(code: 200, body: list(networks.map(\.body)))
    case ("network", 2) where parts[1].utf8.count == 16: return oneNetwork(parts[1].lowercased())
    case ("peer", 1): return Answer(code: 200, body: list(peers.map(\.body)))
    case ("peer", 2) where parts[1].utf8.count == 10:
      return Answer(code: 200, body: peers.first { $0.id == parts[1].lowercased() }?.body ?? "{}")
    default: return .unknownPath
    }
  }

  /// A body as it is sent.
  func octets(of body: String) -> [UInt8] {
    substitutions.reduce(Array(body.utf8)) { octets, pair in
      Array(
        octets.split(separator: Array(pair.key.utf8), omittingEmptySubsequences: false)
          .joined(separator: pair.value))
    }
  }

  private func list(_ items: [String]) -> String { "[\(items.joined(separator: ","))]" }

  private func oneNetwork(_ id: String) -> Answer {
    if fault == .anotherNetwork, let stranger = networks.first {
      return Answer(code: 200, body: stranger.body)
    }
    guard let found = networks.first(where: { $0.id == id }) else { return .unknownNetwork }
    return Answer(code: 200, body: found.body)
  }

  private var networks: [(id: String, body: String)] {
    if leaving || fault == .emptyList { return [] }
    if fault == .anotherNetwork { return [foreign("8056c2e21c000001", "ztks5ooqhs")] }
    let others = other.map { [foreign($0.id, $0.device)] } ?? []
    return network == .notJoined ? others : others + [(networkID, fill(configuredNetwork))]
  }

  private var configuredNetwork: String {
    network == .ok || network == .deauthorised ? Recorded.network : Recorded.bareNetwork
  }

  private func foreign(_ id: String, _ device: String) -> (id: String, body: String) {
    let body = Recorded.network.filled([
      "network": id, "device": device, "mac": "0e:11:22:33:44:55", "addresses": "\"172.27.5.1/16\"",
      "allowDefault": "false", "status": "OK",
      "routes": #"{"flags":0,"metric":0,"target":"172.27.0.0/16","via":null}"#,
    ])
    return (id, body)
  }

  private func fill(_ recording: String) -> String {
    recording.filled([
      "node": node.zeroTierID ?? "", "clock": "\(Moment.wallClockMilliseconds)", "network": networkID,
      "online": "\(online && paths != .offline)", "device": device, "status": network.status,
      "mac": ZeroTierAnswers.mac(node: node, network: networkID), "addresses": "\"\(address)/24\"",
      "allowDefault": "\(managedDefault)",
      "routes": Recorded.localRoute + (managedDefault ? ",\(Recorded.defaultRoute)" : ""),
    ])
  }

  mutating func say(_ peer: ZeroTierPeer?, of node: Node) {
    exceptions[node] = peer.map { ($0, Moment.wallClockMilliseconds) }
  }

  /// In the order of their addresses, as ZeroTier lists them.
  private var peers: [(id: String, body: String)] {
    let root = (
      Recorded.root.id, body(of: paths == .offline ? .relayed : .direct, Recorded.root, role: "PLANET")
    )
    let nodes = (clouds.nodes + [.gateway]).filter { $0 != node && knowsPeers }
    let leaves = nodes.compactMap { node -> (id: String, body: String)? in
      guard let id = node.zeroTierID, let peer = said(of: node), peer.path != .unlisted else { return nil }
      let since = exceptions[node]?.since
      return (id, body(of: peer, (id, "192.0.2.20/51315"), role: "LEAF", silentSince: since))
    }
    return ([root] + leaves).sorted { $0.0 < $1.0 }
  }

  private func said(of node: Node) -> ZeroTierPeer? {
    if let exception = exceptions[node] { return exception.peer }
    switch paths {
    case .direct: return .direct
    case .relayed: return .relayed
    case .offline: return nil
    }
  }

  private func body(
    of peer: ZeroTierPeer, _ place: (id: String, underlay: String), role: String, silentSince: Int64? = nil
  ) -> String {
    let now = Moment.wallClockMilliseconds
    let heard = peer.path == .silent ? silentSince ?? now : now
    return (peer.path == .pathless ? Recorded.pathlessPeer : Recorded.peer).filled(
      peer.values.merging([
        "peer": place.id, "underlay": place.underlay, "role": role, "receive": "\(heard - 600)",
        "clock": "\(now)",
      ]) { first, _ in first })
  }

  /// The device's hardware address: the node's 40 bits xored with the network's octets, last first, behind a
  /// locally administered first octet (ZeroTier's node/MAC.hpp).
  static func mac(node: Node, network: String) -> String {
    let address = UInt64(node.zeroTierID ?? "", radix: 16) ?? 0
    let id = UInt64(network, radix: 16) ?? 0
    var octets = [id & 0xfe | 0x02 == 0x52 ? 0x32 : id & 0xfe | 0x02]
    for place in 0..<5 {
      octets.append((address >> UInt64(32 - 8 * place) ^ id >> UInt64(8 + 8 * place)) & 0xff)
    }
    return octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
