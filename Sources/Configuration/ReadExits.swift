import Model

extension Section {
  /// Reads `exits:`, each with the place of its weight; nil when something was reported.
  func exits(besides egressIP: IPAddress?) -> [Located<Exit>]? {
    let expected = "exits with name and address"
    guard holds("exits") else {
      missing("exits", expected: "a list of \(expected)")
      return nil
    }
    guard let items = items("exits", of: expected, atMost: 64) else { return nil }
    if items.isEmpty { diagnostics.report("empty; expected at least one exit", at: place(of: "exits")) }
    let read = items.compactMap { readExit($0) }
    reportTwins(in: read)
    for exit in read where exit.exit.address == egressIP {
      diagnostics.report("is egressIP, this node's own address; expected a cloud server's", at: exit.address)
    }
    return read.isEmpty ? nil : read.map { Located(value: $0.exit, place: $0.weight) }
  }

  private struct ReadExit {
    let exit: Exit
    let name: Place
    let address: Place
    let weight: Place
  }

  private func readExit(_ item: Located<YAMLNode>) -> ReadExit? {
    guard let section = Section(item.value, at: item.place, diagnostics, holding: "name and address") else {
      return nil
    }
    let name = section.required("name", .exitName)
    let address = section.required("address", .host("10.147.17.2"))
    let nodeID = section.value("nodeID", .nodeID)
    let weight = section.value("weight", .number(1...256)) ?? 1
    section.reportUnknownKeys()
    guard let name, let address else { return nil }
    return ReadExit(
      exit: Exit(name: name, address: address, nodeID: nodeID, weight: weight),
      name: section.place(of: "name"), address: section.place(of: "address"),
      weight: section.place(of: "weight"))
  }

  /// Traffic is steered by address, and people name exits: neither may be ambiguous.
  private func reportTwins(in exits: [ReadExit]) {
    var names: [String: Place] = [:]
    var addresses: [IPAddress: Place] = [:]
    for exit in exits {
      if let earlier = names[exit.exit.name] {
        diagnostics.report("\(quoted(exit.exit.name)) is \(earlier.key) already", at: exit.name)
      } else {
        names[exit.exit.name] = exit.name
      }
      if let earlier = addresses[exit.exit.address] {
        diagnostics.report("\(exit.exit.address) is \(earlier.key) already", at: exit.address)
      } else {
        addresses[exit.exit.address] = exit.address
      }
    }
  }
}
