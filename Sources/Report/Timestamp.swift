/// A moment of the wall clock in UTC, in whole seconds since the epoch (POSIX.1, section 4.19: no leap seconds).
///
/// For people and dashboards alone: no timer and no decision may rest on it, since the wall clock can jump.
public struct Timestamp: Hashable, Comparable, Sendable {
  public let secondsSinceEpoch: Int64

  /// Moments outside of the years 0 to 9999, which RFC 3339 cannot write, become the nearest that it can.
  public init(secondsSinceEpoch: Int64) {
    self.secondsSinceEpoch = min(max(secondsSinceEpoch, Timestamp.earliest), Timestamp.latest)
  }

  /// Reads what `description` writes, `2026-11-21T09:00:00Z`, and nothing else.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 20 else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      guard bytes[range].allSatisfy({ (48...57).contains($0) }) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 48) }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    let days = daysSinceEpoch(year: year, month: month, day: day)
    self.init(secondsSinceEpoch: days * 86_400 + hour * 3_600 + minute * 60 + second)
    // What does not come out as it went in was no date (30 February, hour 24, another separator).
    guard description == text else { return nil }
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.secondsSinceEpoch < b.secondsSinceEpoch }

  /// Whole seconds from `earlier` to this moment; 0 if the clock was set back in between.
  public func seconds(since earlier: Timestamp) -> Int64 {
    max(0, secondsSinceEpoch - earlier.secondsSinceEpoch)
  }

  /// RFC 3339 with milliseconds, `2026-11-21T09:00:00.042Z`, for log lines. Clamped to 0 to 999.
  public func text(milliseconds: Int) -> String {
    var octets = octets
    octets.append(UInt8(ascii: "."))
    octets.append(Int64(min(max(milliseconds, 0), 999)), digits: 3)
    octets.append(UInt8(ascii: "Z"))
    return String(decoding: octets, as: UTF8.self)
  }

  private static let earliest: Int64 = -62_167_219_200
  private static let latest: Int64 = 253_402_300_799
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC: `2026-11-21T09:00:00Z`.
  public var description: String { String(decoding: octets + [UInt8(ascii: "Z")], as: UTF8.self) }

  /// Without the zone. Each line of the log has one, so that it is made quickly.
  private var octets: [UInt8] {
    let (days, second) = secondsSinceEpoch.flooredDivision(by: 86_400)
    let date = civilDate(daysSinceEpoch: days)
    var octets: [UInt8] = []
    octets.reserveCapacity(25)
    octets.append(date.year, digits: 4)
    for (mark, number) in [
      ("-", date.month), ("-", date.day), ("T", second / 3_600), (":", second / 60 % 60), (":", second % 60),
    ] as [(Unicode.Scalar, Int64)] {
      octets.append(UInt8(ascii: mark))
      octets.append(number, digits: 2)
    }
    return octets
  }
}

// The calendar: years are counted from March, so that the leap day is a year's last, and in cycles of 400 years,
// after which the Gregorian calendar repeats (146,097 days). 719,468 days lie between 0000-03-01 and 1970-01-01.

private func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
  let marchYear = month > 2 ? year : year - 1
  let (cycle, yearOfCycle) = marchYear.flooredDivision(by: 400)
  let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
  return cycle * 146_097 + yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear - 719_468
}

private func civilDate(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
  let (cycle, day) = (days + 719_468).flooredDivision(by: 146_097)
  let yearOfCycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
  let dayOfYear = day - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
  let monthFromMarch = (5 * dayOfYear + 2) / 153
  let month = (monthFromMarch + 2) % 12 + 1
  return (
    cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
  )
}

extension Int64 {
  /// Quotient and remainder with 0 <= remainder < divisor, for negative numbers too.
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

extension [UInt8] {
  /// A number that is not negative and has no more digits than that.
  fileprivate mutating func append(_ number: Int64, digits: Int) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }
}
