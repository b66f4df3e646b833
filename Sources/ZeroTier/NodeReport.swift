import Model

/// What `GET /status` says of the node itself.
public struct NodeReport: Hashable, Sendable {
  public let address: ZeroTierNodeID
  /// A hint: turns false some eight minutes after the last contact, and is false for 5 s after a start.
  public let online: Bool
  /// zerotier-one's, such as `1.14.1`; printable.
  public let version: String
  /// The node's wall clock when it answered, since the epoch; what `PeerReport.lastReceive` is compared with.
  public let clock: Duration?

  public init(address: ZeroTierNodeID, online: Bool, version: String, clock: Duration? = nil) {
    self.address = address
    self.online = online
    self.version = version
    self.clock = clock
  }

  public init(status: Int, body: [UInt8]) throws(APIFailure) {
    guard status != 401 else { throw .unauthorized }
    guard status == 200 else { throw .unexpectedStatus(status) }
    let document = try APIDocument(parsing: body)
    guard let address = ZeroTierNodeID(try document.string("address")) else {
      throw document.failure("address", "no ZeroTier address of 10 hexadecimal digits")
    }
    self.init(
      address: address, online: try document.bool("online"),
      version: try document.string("version").printable(limit: 64), clock: document.moment("clock"))
  }
}
