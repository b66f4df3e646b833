// Quantities for people. Each is short, carries its unit, and is the same text for the same value.

/// A number with so many digits behind the point, rounded half away from zero. Bounds: |value| < 10^15.
func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return "?" }
  let scale = (0..<decimals).reduce(1) { product, _ in product * 10 }
  let scaled = Int64((value.magnitude * Double(scale)).rounded())
  let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(scale))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard decimals > 0 else { return "\(sign)\(whole)" }
  let digits = String(rest)
  return "\(sign)\(whole)." + String(repeating: "0", count: decimals - digits.count) + digits
}

/// How long something took: `85 µs`, `0.9 ms`, `12.1 ms`, `1.52 s`. Less than nothing is nothing.
package func shortTime(_ seconds: Double) -> String {
  guard seconds.isFinite else { return "?" }
  return switch max(0, seconds) {
  case ..<0.000_1: fixed(max(0, seconds) * 1e6, 0) + " µs"
  case ..<0.1: fixed(seconds * 1e3, 1) + " ms"
  case ..<1: fixed(seconds * 1e3, 0) + " ms"
  default: fixed(seconds, 2) + " s"
  }
}

/// How long something has lasted, in its two largest units: `0s`, `42s`, `3m 5s`, `3h 12m`, `4d 2h`.
package func age(_ seconds: Int64) -> String {
  switch seconds {
  case ..<60: "\(max(0, seconds))s"
  case ..<3_600: "\(seconds / 60)m \(seconds % 60)s"
  case ..<86_400: "\(seconds / 3_600)h \(seconds / 60 % 60)m"
  default: "\(seconds / 86_400)d \(seconds / 3_600 % 24)h"
  }
}

/// The same in its largest unit alone, where there is little room: `42s`, `3m`, `3h`, `4d`.
func roughAge(_ seconds: Int64) -> String {
  let text = age(seconds)
  return text.firstIndex(of: " ").map { String(text[..<$0]) } ?? text
}

/// A ratio of 0 to 1 as a percentage. One that is not quite nothing does not look like nothing.
package func percent(_ ratio: Double) -> String {
  ratio > 0 && ratio < 0.01 ? "<1%" : fixed(ratio * 100, 0) + "%"
}

/// A count with its noun in the right number: `1 packet`, `2 packets`.
package func counted(_ count: Int, _ one: String, _ many: String) -> String {
  "\(count) \(count == 1 ? one : many)"
}
