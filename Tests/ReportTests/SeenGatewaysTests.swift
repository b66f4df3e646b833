import Model
import Report
import Testing

@Suite("Gateways that a cloud server saw")
struct SeenGatewaysTests {
  private static let hour = Duration.seconds(3600)

  private func element(_ address: String, _ packets: UInt64, idle: Int = 0) throws
    -> NftablesDynamicSet.Element
  {
    .init(
      address: try #require(IPAddress(address)), packets: packets, bytes: packets * 100,
      idle: .seconds(idle))
  }

  /// `address: sent/received packets, silent for s`, the busiest first.
  private func lines(_ gateways: SeenGateways, at now: Int) -> [String] {
    gateways.status(now: .seconds(now), wallClock: Timestamp(secondsSinceEpoch: 1_000_000 + Int64(now))).map {
      #expect($0.sent.bytes == $0.sent.packets * 100 && $0.received.bytes == $0.received.packets * 100)
      #expect($0.lastSeenAt.secondsSinceEpoch == Int64(1_000_000 + now - $0.lastSeenSeconds))
      return "\($0.address): \($0.sent.packets)/\($0.received.packets), \($0.lastSeenSeconds)"
    }
  }

  @Test("are there with all that the kernel counted of them, from the first reading on")
  func first() throws {
    var gateways = SeenGateways(timeout: Self.hour, limit: 10)
    #expect(lines(gateways, at: 0) == [])
    try gateways.follow(
      sent: [element("10.0.0.1", 5, idle: 7), element("10.0.0.2", 9, idle: 2)],
      received: [element("10.0.0.1", 6, idle: 3)], now: .seconds(100))
    #expect(lines(gateways, at: 100) == ["10.0.0.1: 5/6, 3", "10.0.0.2: 9/0, 2"])
    #expect(lines(gateways, at: 110).first == "10.0.0.1: 5/6, 13")
  }

  @Test("never count back when an element timed out or the set was made anew")
  func monotonic() throws {
    var gateways = SeenGateways(timeout: Self.hour, limit: 10)
    try gateways.follow(
      sent: [element("10.0.0.1", 50)], received: [element("10.0.0.1", 60)], now: .seconds(100))
    gateways.follow(sent: [], received: [], now: .seconds(200))
    #expect(lines(gateways, at: 200) == ["10.0.0.1: 50/60, 100"])
    try gateways.follow(
      sent: [element("10.0.0.1", 3)], received: [element("10.0.0.1", 60, idle: 200)], now: .seconds(300))
    #expect(lines(gateways, at: 300) == ["10.0.0.1: 53/60, 0"])
    try gateways.follow(sent: [element("10.0.0.1", 4)], received: [], now: .seconds(400))
    #expect(lines(gateways, at: 400) == ["10.0.0.1: 54/60, 0"])
  }

  @Test("are forgotten after the time, and begin anew when they come back")
  func forgotten() throws {
    var gateways = SeenGateways(timeout: Self.hour, limit: 10)
    try gateways.follow(sent: [element("10.0.0.1", 50)], received: [], now: .seconds(0))
    gateways.follow(sent: [], received: [], now: .seconds(3599))
    #expect(lines(gateways, at: 3599) == ["10.0.0.1: 50/0, 3599"])
    gateways.follow(sent: [], received: [], now: .seconds(3600))
    #expect(lines(gateways, at: 3600) == [])
    try gateways.follow(sent: [element("10.0.0.1", 1)], received: [], now: .seconds(3700))
    #expect(lines(gateways, at: 3700) == ["10.0.0.1: 1/0, 0"])
  }

  @Test("are never more than the limit, and the longest silent go first")
  func limited() throws {
    var gateways = SeenGateways(timeout: Self.hour, limit: 2)
    for number in 1...4 {
      try gateways.follow(
        sent: [element("10.0.0.\(number)", UInt64(number))], received: [], now: .seconds(number))
    }
    #expect(lines(gateways, at: 4) == ["10.0.0.4: 4/0, 0", "10.0.0.3: 3/0, 1"])
  }
}
