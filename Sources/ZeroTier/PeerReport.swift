import JSON
import Model

/// What `GET /peer/<address>` says of another node. Hints: a dead path is shown for some four minutes.
public struct PeerReport: Hashable, Sendable {
  public let address: ZeroTierNodeID
  public let path: PeerPath
  /// The last measurement, however old; nil without one.
  public let latency: Duration?
  /// nil if it was never heard of; printable.
  public let version: String?
  /// When something last came by a direct path, on the node's wall clock since the epoch; up to a minute old on a
  /// path that works and has nothing to carry. nil without a direct path.
  public let lastReceive: Duration?

  public init(
    address: ZeroTierNodeID, path: PeerPath, latency: Duration?, version: String?,
    lastReceive: Duration? = nil
  ) {
    self.address = address
    self.path = path
    self.latency = latency
    self.version = version
    self.lastReceive = lastReceive
  }
}

/// How packets go to a peer.
public enum PeerPath: Hashable, Sendable {
  case direct(IPAddress, port: UInt16)
  /// Through a root server.
  case relayed
  /// No direct path and no measurement. The API shows a relayed peer so as well as a dead one, see `knowing`.
  case unknown

  /// What a probe through the tunnel has found.
  public enum ProbeResult { case answered, silent }

  /// Packets that arrive without a direct path are relayed.
  public func knowing(_ probe: ProbeResult) -> PeerPath {
    switch (self, probe) {
    case (.unknown, .answered): .relayed
    case (.unknown, .silent), (.direct, _), (.relayed, _): self
    }
  }

  /// `direct`, `relayed` or `unknown`.
  public var word: String {
    switch self {
    case .direct: "direct"
    case .relayed: "relayed"
    case .unknown: "unknown"
    }
  }
}

extension PeerReport {
  /// Reads the answer to `GET /peer/<address>`; nil if the node does not know that peer (200 with `{}`).
  public static func parse(status: Int, body: [UInt8], about peer: ZeroTierNodeID) throws(APIFailure)
    -> PeerReport?
  {
    guard status != 401 else { throw .unauthorized }
    guard status == 200 else { throw .unexpectedStatus(status) }
    let document = try APIDocument(parsing: body)
    return document.isEmpty ? nil : try PeerReport(document, about: peer)
  }

  /// Reads those of the answer to `GET /peer` that matter. One that cannot be read does not spoil the others.
  public static func parseList(status: Int, body: [UInt8], about peers: Set<ZeroTierNodeID>)
    throws(APIFailure)
    -> [ZeroTierNodeID: Result<PeerReport?, APIFailure>]
  {
    guard status != 401 else { throw .unauthorized }
    guard status == 200 else { throw .unexpectedStatus(status) }
    var reports: [ZeroTierNodeID: Result<PeerReport?, APIFailure>] = [:]
    for (index, item) in try APIDocument.list(parsing: body).enumerated() {
      guard let peer = item["address"]?.string.flatMap({ ZeroTierNodeID($0) }), peers.contains(peer) else {
        continue
      }
      reports[peer] = Result { () throws(APIFailure) in
        try PeerReport(APIDocument(item, at: "[\(index)]"), about: peer)
      }
    }
    return reports
  }

  init(_ document: APIDocument, about peer: ZeroTierNodeID) throws(APIFailure) {
    guard ZeroTierNodeID(try document.string("address")) == peer else {
      throw document.failure("address", "not the peer \(peer) that was asked for")
    }
    // Negative: not measured.
    let latency = try document.integer("latency", in: -1...86_400_000)
    let version = try document.string("version").printable(limit: 64)
    self.init(
      address: peer, path: try PeerReport.path(document, isMeasured: latency >= 0),
      latency: latency < 0 ? nil : .milliseconds(latency), version: version == "-1.-1.-1" ? nil : version,
      lastReceive: try document.objects("paths").compactMap { $0.moment("lastReceive") }.max())
  }

  /// The preferred path, else the first; `active` and `expired` never change in 1.14.
  private static func path(_ document: APIDocument, isMeasured: Bool) throws(APIFailure) -> PeerPath {
    let paths = try document.objects("paths")
    guard let path = paths.first(where: { $0.value["preferred"] == .bool(true) }) ?? paths.first else {
      return isMeasured ? .relayed : .unknown
    }
    let parts = try path.string("address").split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(parts[0]), let port = UInt16(parts[1]) else {
      throw path.failure("address", "no address with a port")
    }
    return .direct(address, port: port)
  }
}
