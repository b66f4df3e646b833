import Report
import Testing

@testable import Agent

@Suite("What is remembered of an exit's probes")
struct RoundTripTests {
  @Test("the last sixty, the oldest first, losses among them")
  func ring() {
    var record = ExitRecord()
    #expect(record.roundTrips.isEmpty && record.lossRatio == nil)
    for number in 1...70 {
      if number % 10 == 0 { record.noteLoss() } else { record.noteAnswer(.milliseconds(number)) }
    }
    let expected = (11...70).map { number -> Double? in
      if number % 10 == 0 { return nil }
      return Double(number) / 1000
    }
    #expect(record.roundTrips == expected)
    #expect(record.lossRatio == 0.1)
    #expect(record.roundTrip == .milliseconds(69))
  }

  @Test("one longer than can be kept is the longest, and no loss")
  func endless() {
    var record = ExitRecord()
    record.noteAnswer(.seconds(100_000))
    #expect(record.roundTrips == [4294.967294])
  }
}

@Suite("A link's traffic")
struct LinkTrafficTests {
  private static let table = """
    Inter-|   Receive                                                |  Transmit
     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
        lo:     120       2    0    0    0     0          0         0      120       2    0    0    0     0       0          0
    ztabcdefgh: 9000      90    0    0    0     0          0         0     7000      70    0    0    0     0       0          0
    ztabcdefg: broken

    """

  @Test("is found by the link's whole name")
  func found() throws {
    let traffic = try #require(LinkTraffic(of: "ztabcdefgh", in: Self.table))
    #expect(
      traffic.received == .init(packets: 90, bytes: 9000) && traffic.sent == .init(packets: 70, bytes: 7000))
    #expect(LinkTraffic(of: "lo", in: Self.table)?.sent.bytes == 120)
  }

  @Test(
    "is not known of a link that is not there, or of which nonsense is said",
    arguments: ["zt", "ztabcdefg", "", "face"])
  func unknown(_ name: String) {
    #expect(LinkTraffic(of: name, in: Self.table) == nil)
  }
}
