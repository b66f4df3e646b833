import JSON
import Model

/// A gateway as a cloud server sees it.
public struct GatewayTraffic: Equatable, Sendable {
  public struct Amount: Equatable, Sendable {
    public var packets: Int
    public var bytes: Int

    public init(packets: Int, bytes: Int) {
      self.packets = packets
      self.bytes = bytes
    }
  }

  /// In the ZeroTier network.
  public var address: IPAddress
  /// Since its last packet in either direction.
  public var lastSeenSeconds: Int
  public var lastSeenAt: Timestamp
  /// By the gateway, to the Internet. Since it was first seen, or came back after a long silence.
  public var sent: Amount
  /// By the gateway, from the Internet.
  public var received: Amount

  public init(
    address: IPAddress, lastSeenSeconds: Int, lastSeenAt: Timestamp, sent: Amount, received: Amount
  ) {
    self.address = address
    self.lastSeenSeconds = lastSeenSeconds
    self.lastSeenAt = lastSeenAt
    self.sent = sent
    self.received = received
  }

  /// Both ways.
  var bytes: Int { sent.bytes.addingReportingOverflow(received.bytes).partialValue }
}

extension GatewayTraffic: StatusPart {
  func json() -> JSONValue {
    [
      "address": .string(address.description), "lastSeenSeconds": .integer(Int64(lastSeenSeconds)),
      "lastSeenAt": .string(lastSeenAt.description), "sentBytes": .integer(Int64(sent.bytes)),
      "sentPackets": .integer(Int64(sent.packets)), "receivedBytes": .integer(Int64(received.bytes)),
      "receivedPackets": .integer(Int64(received.packets)),
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    address = try reader.required("address", "an IP address") { $0.string.flatMap { IPAddress($0) } }
    lastSeenSeconds = try reader.count("lastSeenSeconds")
    lastSeenAt = try reader.time("lastSeenAt")
    sent = Amount(packets: try reader.count("sentPackets"), bytes: try reader.count("sentBytes"))
    received = Amount(packets: try reader.count("receivedPackets"), bytes: try reader.count("receivedBytes"))
  }
}

extension MetricsPage {
  /// A cloud server's: its WAN, and who uses it.
  static func cloud(_ status: AgentStatus, _ writer: inout MetricsWriter) {
    guard status.role == .cloud else { return }
    writer.gauge(
      "liteboxd_agent_wan_up",
      "1 while the WAN is there with a default route and a carrier and, if that is asked, answers.",
      [Sample(status.wan?.isUp == true ? 1 : 0)])
    writer.gauge(
      "liteboxd_agent_wan_rtt_seconds", "Time to connect of the last answered probe; absent without one.",
      status.wan?.roundTripSeconds.map { [Sample($0)] } ?? [])
    writer.gauge(
      "liteboxd_agent_gateways", "Gateways seen lately.", [Sample(status.gateways.count)])
    counter("sent_bytes", "Octets that each gateway sent to the Internet.", status, &writer, \.sent.bytes)
    counter("sent_packets", "Packets that each gateway sent there.", status, &writer, \.sent.packets)
    counter("received_bytes", "Octets that each gateway was answered.", status, &writer, \.received.bytes)
    counter(
      "received_packets", "Packets that each gateway was answered.", status, &writer, \.received.packets)
    writer.gauge(
      "liteboxd_agent_gateway_last_seen_timestamp_seconds", "When each gateway's last packet passed.",
      status.gateways.map {
        Sample(Double($0.lastSeenAt.secondsSinceEpoch), [("gateway", $0.address.description)])
      })
  }

  private static func counter(
    _ name: String, _ help: String, _ status: AgentStatus, _ writer: inout MetricsWriter,
    _ value: KeyPath<GatewayTraffic, Int>
  ) {
    writer.counter(
      "liteboxd_agent_gateway_\(name)_total", help,
      status.gateways.map { Sample($0[keyPath: value], [("gateway", $0.address.description)]) })
  }
}
