import Report
import Testing

@Suite("Times that are told by the wall clock")
struct WallClockTests {
  @Test("stay as long ago as they are when the clock is set", arguments: [-1_000_000, 2, 31_536_000])
  func set(_ jump: Int64) {
    var clock = WallClock()
    clock.follow(sinceEpoch: .seconds(2_000_100), sinceBoot: .seconds(100))
    #expect(clock.time(at: .seconds(97)) == Timestamp(secondsSinceEpoch: 2_000_097))
    clock.follow(sinceEpoch: .seconds(2_000_200 + jump), sinceBoot: .seconds(200))
    #expect(clock.time(at: .seconds(97)) == Timestamp(secondsSinceEpoch: 2_000_097 + jump))
  }

  @Test("stay the same while it is only drawn along")
  func slewed() {
    var clock = WallClock()
    clock.follow(sinceEpoch: .milliseconds(5_000_999), sinceBoot: .milliseconds(1_000))
    let told = clock.time(at: .seconds(1))
    clock.follow(sinceEpoch: .milliseconds(5_010_500), sinceBoot: .milliseconds(11_000))
    #expect(clock.time(at: .seconds(1)) == told)
  }
}
