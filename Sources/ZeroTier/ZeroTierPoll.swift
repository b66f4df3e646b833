import Model

/// What one round of questions to zerotier-one's API has found.
public struct ZeroTierPoll: Hashable, Sendable {
  public let network: Result<NetworkAnswer, APIFailure>
  public let node: Result<NodeReport, APIFailure>
  /// nil for a peer that the node does not know.
  public let peers: [ZeroTierNodeID: Result<PeerReport?, APIFailure>]

  public init(
    network: Result<NetworkAnswer, APIFailure>, node: Result<NodeReport, APIFailure>,
    peers: [ZeroTierNodeID: Result<PeerReport?, APIFailure>] = [:]
  ) {
    self.network = network
    self.node = node
    self.peers = peers
  }
}
