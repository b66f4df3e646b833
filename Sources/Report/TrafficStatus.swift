import JSON

/// How much traffic passed since the agent started. `out` is on its way to the Internet, `in` is what came back: on a
/// cloud server what the tunnel brings is `out`.
public struct TrafficStatus: Equatable, Sendable {
  public struct Directions: Equatable, Sendable {
    public var out = GatewayTraffic.Amount(packets: 0, bytes: 0)
    public var `in` = GatewayTraffic.Amount(packets: 0, bytes: 0)

    public init() {}
  }

  /// What connection tracking holds in this host's network namespace, and may hold.
  public struct ConnectionTracking: Equatable, Sendable {
    public var entries: Int
    public var limit: Int

    public init(entries: Int, limit: Int) {
      self.entries = entries
      self.limit = limit
    }

    /// nil without connection tracking.
    public init?(_ host: HostStatistics) {
      guard let flows = host.trackedFlows, let limit = host.trackedFlowsLimit else { return nil }
      self.init(entries: Int(clamping: flows), limit: Int(clamping: limit))
    }
  }

  /// Sandbox traffic that netfilter saw. Cilium's BPF passes it by on gateways.
  public var forwarded = Directions()
  /// All that the tunnel's link carried, probes and ZeroTier's own members included.
  public var tunnel = Directions()
  /// nil while the kernel tracks no connections.
  public var connections: ConnectionTracking?

  public init() {}
}

extension TrafficStatus: StatusPart {
  func json() -> JSONValue {
    [
      "forwarded": forwarded.json(), "tunnel": tunnel.json(), "connections": connections?.json() ?? .null,
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    forwarded = try reader.part("forwarded")
    tunnel = try reader.part("tunnel")
    connections = try reader.optionalPart("connections")
  }
}

extension TrafficStatus.Directions: StatusPart {
  func json() -> JSONValue {
    [
      "outBytes": count(out.bytes), "outPackets": count(out.packets), "inBytes": count(`in`.bytes),
      "inPackets": count(`in`.packets),
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    out = .init(packets: try reader.count("outPackets"), bytes: try reader.count("outBytes"))
    `in` = .init(packets: try reader.count("inPackets"), bytes: try reader.count("inBytes"))
  }
}

extension TrafficStatus.ConnectionTracking: StatusPart {
  func json() -> JSONValue { ["entries": count(entries), "limit": count(limit)] }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    entries = try reader.count("entries")
    limit = try reader.count("limit")
  }
}

/// Packets and octets both ways as the kernel counts them.
public struct TrafficReading: Equatable, Sendable {
  public struct Amount: Equatable, Sendable {
    public var packets: UInt64
    public var bytes: UInt64

    public init(packets: UInt64, bytes: UInt64) {
      self.packets = packets
      self.bytes = bytes
    }
  }

  public var out: Amount
  public var `in`: Amount

  public init(out: Amount, in incoming: Amount) {
    self.out = out
    self.in = incoming
  }
}

/// Totals of traffic that go on when the kernel's counters begin anew.
public struct FollowedTraffic: Equatable, Sendable {
  public private(set) var outPackets = FollowedCounter()
  public private(set) var outBytes = FollowedCounter()
  public private(set) var inPackets = FollowedCounter()
  public private(set) var inBytes = FollowedCounter()

  public init() {}

  public mutating func follow(_ reading: TrafficReading) {
    outPackets.follow(reading.out.packets)
    outBytes.follow(reading.out.bytes)
    inPackets.follow(reading.in.packets)
    inBytes.follow(reading.in.bytes)
  }

  /// The same for the status.
  public var directions: TrafficStatus.Directions {
    var directions = TrafficStatus.Directions()
    directions.out = .init(packets: Int(clamping: outPackets.total), bytes: Int(clamping: outBytes.total))
    directions.in = .init(packets: Int(clamping: inPackets.total), bytes: Int(clamping: inBytes.total))
    return directions
  }
}
