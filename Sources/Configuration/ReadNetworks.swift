import Model

extension Section {
  /// As many as a list of all networks of a country or of a large provider has, and some more.
  static let mostNetworks = 131_072

  /// A list of IPv4 networks, each once. One that lies inside another is kept, and warned of.
  func networks(_ key: String) -> [CIDR]? {
    guard let written = list(key, of: .network, atMost: Self.mostNetworks) else { return nil }
    var kept: [CIDR] = []
    kept.reserveCapacity(written.count)
    let overlaps = Overlaps(written.map(\.value))
    var seen: Set<CIDR> = []
    for entry in written {
      let network = entry.value
      if overlaps.repeated.contains(network), !seen.insert(network).inserted {
        diagnostics.warn("\(network) stands in the list twice", at: entry.place)
        continue
      }
      if let wider = overlaps.containers[network] {
        diagnostics.warn("\(network) lies inside \(wider) and changes nothing", at: entry.place)
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

/// What of a list of networks says nothing new.
private struct Overlaps {
  /// Of each network that lies inside another one, the widest that it lies in.
  private(set) var containers: [CIDR: CIDR] = [:]
  private(set) var repeated: Set<CIDR> = []

  init(_ networks: [CIDR]) {
    var widest: CIDR?
    var former: CIDR?
    // Networks are nested or disjoint, and a wider one sorts before what lies in it.
    for network in networks.sorted() {
      if network == former { repeated.insert(network) }
      former = network
      if let widest, widest.contains(network) {
        if widest != network { containers[network] = widest }
      } else {
        widest = network
      }
    }
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
