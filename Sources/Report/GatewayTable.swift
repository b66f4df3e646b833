extension StatusPage {
  /// More would push the rest off the screen.
  private static let mostGateways = 12
  /// From here on there is room for packets and for a bar.
  private static let wide = 100
  private static let longestBar = 20

  /// Who uses a cloud server, the busiest first.
  static func gateways(_ gateways: [GatewayTraffic], _ page: inout PageWriter) {
    guard !gateways.isEmpty else { return }
    let isWide = page.width >= wide
    let total = gateways.reduce(0.0) { $0 + Double($1.bytes) }
    var table = Table(alignedRight: isWide ? [1, 2, 3, 4, 5, 6] : [1, 2, 3, 4], gap: 2)
    let titles =
      isWide
      ? ["GATEWAY", "LAST SEEN", "SENT", "PACKETS", "RECEIVED", "PACKETS", "SHARE", ""]
      : ["GATEWAY", "LAST SEEN", "SENT", "RECEIVED", "SHARE"]
    table.add(titles.map { Span($0, .faint) })
    for gateway in gateways.prefix(mostGateways) {
      let share = total > 0 ? Double(gateway.bytes) / total : 0
      let (sent, received) = (Span(octets(gateway.sent.bytes)), Span(octets(gateway.received.bytes)))
      let first = [
        Span(gateway.address.description), Span(age(Int64(gateway.lastSeenSeconds)) + " ago"), sent,
      ]
      let packets = [Span("\(gateway.sent.packets)"), received, Span("\(gateway.received.packets)")]
      let bar = String(repeating: "▇", count: Int((share * Double(longestBar)).rounded()))
      table.add(
        first + (isWide ? packets : [received]) + [Span(percent(share))] + (isWide ? [Span(bar)] : []))
    }
    table.write(to: &page, indent: 2)
    let rest = gateways.count - mostGateways
    if rest > 0 { page.line([Span("  and \(rest) more", .faint)]) }
    page.blank()
  }
}

/// How much was sent: `812 B`, `1.5 kB`, `12.3 MB`, in powers of 1000.
func octets(_ count: Int) -> String {
  guard count >= 1000 else { return "\(max(0, count)) B" }
  var value = Double(count) / 1000
  for unit in ["kB", "MB", "GB", "TB"] {
    // What would be rounded up to 1000.0 belongs to the next unit.
    if value < 999.95 { return "\(fixed(value, 1)) \(unit)" }
    value /= 1000
  }
  return "\(fixed(value, 1)) PB"
}
