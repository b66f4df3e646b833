import Model

extension LoadedConfiguration {
  /// What to say of exits whose addresses turned out to be unusable where the agent runs, each with its place in the
  /// file; nil when none of the names is an exit's.
  public func refusal(ofAddresses problems: [(exit: String, problem: String)]) -> ConfigurationErrors? {
    let diagnostics = Diagnostics(path: path)
    guard case .gateway(let gateway) = configuration.role else { return nil }
    // The text was read once already, so that there is a tree.
    let exits = YAMLTree.root(of: text, diagnostics)?["gateway"]?["exits"]
    for (name, problem) in problems {
      guard let index = gateway.exits.firstIndex(where: { $0.name == name }) else { continue }
      let key = KeyName.root.key("gateway").key("exits").item(index).key("address")
      let position = exits?[index]?["address"]?.position ?? .start
      diagnostics.report(problem, at: Place(position: position, key: key))
    }
    return diagnostics.found
  }
}

extension YAMLNode {
  fileprivate subscript(key: String) -> YAMLNode? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }

  fileprivate subscript(index: Int) -> YAMLNode? {
    guard case .sequence(let items) = content, items.indices.contains(index) else { return nil }
    return items[index]
  }
}
