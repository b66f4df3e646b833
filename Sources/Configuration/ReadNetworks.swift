import Model

extension Section {
  /// A list of IPv4 networks, each once. One that lies inside another is kept, and warned of.
  func networks(_ key: String) -> [CIDR]? {
    guard let written = list(key, of: .network, atMost: 1024) else { return nil }
    var kept: [CIDR] = []
    for entry in written {
      let network = entry.value
      if kept.contains(network) {
        diagnostics.warn("\(network) stands in the list twice", at: entry.place)
        continue
      }
      if let wider = written.first(where: { $0.value != network && $0.value.contains(network) }) {
        diagnostics.warn("\(network) lies inside \(wider.value) and changes nothing", at: entry.place)
      }
      kept.append(network)
    }
    if kept.coverEverything {
      let problem = "the networks together are every address; expected some to be left"
      diagnostics.report(problem, at: place(of: key))
    }
    return kept
  }
}

extension [CIDR] {
  /// Whether no IPv4 address lies outside.
  fileprivate var coverEverything: Bool {
    // Networks are nested or disjoint, so that the sizes of the outermost add up.
    let addresses = withoutContained().reduce(UInt64(0)) { $0 + (1 << UInt64(32 - $1.prefixLength)) }
    return addresses == 1 << 32
  }
}
