import Glibc
import Report
import Testing

@Suite("Moments of the wall clock")
struct TimestampTests {
  @Test(
    "are written and read as RFC 3339 in UTC",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (1_795_251_600, "2026-11-21T09:00:00Z"),
      (951_782_399, "2000-02-28T23:59:59Z"),
      (951_782_400, "2000-02-29T00:00:00Z"), (951_868_800, "2000-03-01T00:00:00Z"),
      (-1, "1969-12-31T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
      (-62_167_219_200, "0000-01-01T00:00:00Z"),
    ])
  func texts(_ seconds: Int64, _ text: String) {
    let moment = Timestamp(secondsSinceEpoch: seconds)
    #expect(moment.description == text)
    #expect(Timestamp(text) == moment)
  }

  @Test("agree with the C library on every day from 1899 to 2110")
  func calendar() {
    for day in Int64(-25_932)...51_134 {
      let moment = Timestamp(secondsSinceEpoch: day * 86_400 + 45_296)
      var seconds = time_t(moment.secondsSinceEpoch)
      var parts = tm()
      gmtime_r(&seconds, &parts)
      let date = (Int(parts.tm_year) + 1900) * 10_000 + (Int(parts.tm_mon) + 1) * 100 + Int(parts.tm_mday)
      let written = moment.description.split(separator: "T")
      #expect(written[0].replacing("-", with: "") == "\(date)")
      #expect(written[1] == "12:34:56Z")
      #expect(Timestamp(moment.description) == moment)
    }
  }

  @Test(
    "are refused where there is no such moment",
    arguments: [
      "", "2026-11-21", "2026-11-21T09:00:00", "2026-11-21t09:00:00Z", "2026-02-30T09:00:00Z",
      "2025-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
      "2026-01-01T00:00:60Z", "2026-11-21T09:00:00+00:00", "2026-11-21T09:00:00.0Z", "+026-11-21T09:00:00Z",
      "２０２６-11-21T09:00:00Z",
    ])
  func refusals(_ text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test("that RFC 3339 cannot write become the nearest that it can")
  func clamped() {
    #expect(Timestamp(secondsSinceEpoch: .max).description == "9999-12-31T23:59:59Z")
    #expect(Timestamp(secondsSinceEpoch: .min).description == "0000-01-01T00:00:00Z")
  }

  @Test("are never before one another when the clock was set back")
  func ages() {
    let (early, late) = (Timestamp(secondsSinceEpoch: 10), Timestamp(secondsSinceEpoch: 70))
    #expect(late.seconds(since: early) == 60)
    #expect(early.seconds(since: late) == 0)
    #expect(early < late)
  }
}
