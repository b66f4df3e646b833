import Model

/// The gateways that used this cloud server lately, and how much each of them did.
///
/// The kernel forgets an address that was silent for a while and counts anew when it comes back, and what it holds
/// can go with the table. Totals never go back while a gateway is known; who was silent for that while is forgotten.
public struct SeenGateways: Equatable, Sendable {
  private struct Record: Equatable {
    var sent = Traffic()
    var received = Traffic()
    var lastSeen: Duration
  }

  /// What was counted before this process is counted too: the kernel began with the gateway's first packet.
  private struct Traffic: Equatable {
    var packets = FollowedCounter()
    var bytes = FollowedCounter()

    init() {
      packets.follow(0)
      bytes.follow(0)
    }

    mutating func follow(_ element: NftablesDynamicSet.Element) {
      packets.follow(element.packets)
      bytes.follow(element.bytes)
    }
  }

  private var records: [IPAddress: Record] = [:]
  private let timeout: Duration
  private let limit: Int

  /// - Parameters:
  ///   - timeout: who was silent for so long is forgotten.
  ///   - limit: the most gateways; beyond that the longest silent are forgotten.
  public init(timeout: Duration, limit: Int) {
    self.timeout = timeout
    self.limit = limit
  }

  /// Takes what the kernel holds now: of what they sent to the Internet, and of what they were answered.
  /// - Parameter now: monotonic time since any fixed point.
  public mutating func follow(
    sent: [NftablesDynamicSet.Element], received: [NftablesDynamicSet.Element], now: Duration
  ) {
    for element in sent { note(element, \.sent, now) }
    for element in received { note(element, \.received, now) }
    records = records.filter { now - $0.value.lastSeen < timeout }
    guard records.count > limit else { return }
    let latest = records.sorted { ($1.value.lastSeen, $0.key) < ($0.value.lastSeen, $1.key) }
    records = Dictionary(uniqueKeysWithValues: latest.prefix(limit).map { ($0.key, $0.value) })
  }

  private mutating func note(
    _ element: NftablesDynamicSet.Element, _ direction: WritableKeyPath<Record, Traffic>, _ now: Duration
  ) {
    let seen = now - element.idle
    var record = records[element.address] ?? Record(lastSeen: seen)
    record[keyPath: direction].follow(element)
    record.lastSeen = max(record.lastSeen, seen)
    records[element.address] = record
  }

  /// The busiest first, by octets both ways.
  /// - Parameter wallClock: the same moment as `now`.
  public func status(now: Duration, wallClock: Timestamp) -> [GatewayTraffic] {
    let all = records.map { address, record in
      let silence = max(0, (now - record.lastSeen).components.seconds)
      return GatewayTraffic(
        address: address, lastSeenSeconds: Int(silence),
        lastSeenAt: Timestamp(secondsSinceEpoch: wallClock.secondsSinceEpoch - silence),
        sent: .init(
          packets: Int(clamping: record.sent.packets.total), bytes: Int(clamping: record.sent.bytes.total)),
        received: .init(
          packets: Int(clamping: record.received.packets.total),
          bytes: Int(clamping: record.received.bytes.total)))
    }
    return all.sorted { ($1.bytes, $0.address) < ($0.bytes, $1.address) }
  }
}
