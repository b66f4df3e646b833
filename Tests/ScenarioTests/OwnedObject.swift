import JSON
import Lab

/// Something that the agent owns on a gateway, as the kernel lists it, and the command that takes it away.
struct OwnedObject: CustomStringConvertible {
  /// As `status --json` counts it.
  let kind: String
  let removal: [String]
  var description: String { removal.joined(separator: " ") }

  static let tables = ["100", "101"]
  /// Each of them for IPv4; the network's IPv6 needs one.
  static let routingTables = tables.map { (family: "-4", table: $0) } + [(family: "-6", table: "100")]
  /// What the agent's routes and rules are marked with.
  static let routeProtocol = "147"

  /// Parameters below /proc/sys that the agent holds, each with the agent's value and another.
  static func parameters(of node: Node, in lab: Lab) throws -> [(name: String, value: String, other: String)]
  {
    let forwarding = (name: "net/ipv4/ip_forward", value: "1", other: "0")
    let pickup = (name: "net/netfilter/nf_conntrack_tcp_loose", value: "1", other: "0")
    let device = try lab.zeroTier(node).device
    let incoming = (name: "net/ipv4/conf/\(device)/forwarding", value: "1", other: "0")
    guard node == .gateway else {
      return [forwarding, pickup, incoming, (name: "net/ipv4/conf/eth0/forwarding", value: "1", other: "0")]
    }
    return [forwarding, incoming, (name: "net/ipv4/conf/\(device)/rp_filter", value: "2", other: "1")]
  }

  /// All of them but the nftables table's, which others cannot remove.
  static func all(in lab: Lab) throws -> [OwnedObject] {
    let gateway = try lab.namespace(.gateway)
    var objects: [OwnedObject] = []
    for family in ["-4", "-6"] {
      let rules = try JSONValue(parsing: gateway.ip("\(family) -j rule show").utf8).array ?? []
      for rule in rules where rule["protocol"]?.string == routeProtocol {
        objects.append(
          OwnedObject(kind: "rule", removal: ["ip", family, "rule", "del"] + words(ofRule: rule)))
      }
    }
    for (family, table) in routingTables {
      let listing = try gateway.execute(["ip", family, "-j", "route", "show", "table", table]).run().stdout
      // A table that never had a route does not exist.
      let routes = listing.isEmpty ? [] : try JSONValue(parsing: listing.utf8).array ?? []
      for route in routes {
        objects.append(
          OwnedObject(
            kind: "route",
            removal: ["ip", family, "route", "del"] + words(ofRoute: route) + ["table", table]))
      }
    }
    let listed = try Set(gateway.execute(["ls", "/proc/sys/net/ipv4/conf"]).output().split(separator: "\n"))
    for parameter in try parameters(of: .gateway, in: lab)
    where !parameter.name.contains("/conf/")
      || listed.contains(where: { parameter.name.contains("/\($0)/") })
    {
      let removal = ["sysctl", "-qw", "\(parameter.name)=\(parameter.other)"]
      objects.append(OwnedObject(kind: "sysctl", removal: removal))
    }
    return objects
  }

  private static func words(ofRule rule: JSONValue) -> [String] {
    // A rule without a table says what becomes of its packets.
    let action = rule["table"]?.string.map { ["table", $0] } ?? [rule["action"]?.string].compactMap { $0 }
    let source = rule["src"]?.string.map { source in
      ["from", rule["srclen"]?.integer.map { "\(source)/\($0)" } ?? source]
    }
    return ["priority", "\(rule["priority"]?.integer ?? -1)"] + (source ?? []) + action
  }

  private static func words(ofRoute route: JSONValue) -> [String] {
    var words = [route["type"]?.string, route["dst"]?.string].compactMap { $0 }
    for (key, word) in [("gateway", "via"), ("dev", "dev"), ("protocol", "proto"), ("scope", "scope")] {
      if let value = route[key]?.string { words += [word, value] }
    }
    return words + ["metric", "\(route["metric"]?.integer ?? 0)"]
  }
}

extension NetworkNamespace {
  /// Lines for `nft` that each take away one object of the table, derived from what `nft` lists.
  func nftablesRemovals() throws -> [String] {
    let listing = try JSONValue(parsing: nft("-j", "-a", "list", "table", "inet", "liteboxd").utf8)
    return (listing["nftables"]?.array ?? []).flatMap { entry -> [String] in
      if entry["table"] != nil { return ["flush table inet liteboxd", "delete table inet liteboxd"] }
      for kind in ["chain", "set", "counter", "rule"] {
        guard let object = entry[kind] else { continue }
        let name = "inet liteboxd \(object[kind == "rule" ? "chain" : "name"]?.string ?? "")"
        switch kind {
        case "rule": return ["delete rule \(name) handle \(object["handle"]?.integer ?? -1)"]
        case "counter": return ["delete counter \(name)"]
        case "chain": return ["flush chain \(name)", "delete chain \(name)"]
        default:
          let elements = (object["elem"]?.array ?? []).map { "delete element \(name) { \($0.element) }" }
          return elements + ["flush set \(name)", "delete set \(name)"]
        }
      }
      return []
    }
  }
}

extension JSONValue {
  /// A set's element as `nft` takes it: one value, a prefix or a range.
  fileprivate var element: String {
    if let prefix = self["prefix"] {
      return "\(prefix["addr"]?.string ?? "")/\(prefix["len"]?.integer ?? -1)"
    }
    if let counted = self["elem"]?["val"] { return counted.element }
    if let ends = self["range"]?.array { return ends.map(\.element).joined(separator: "-") }
    return string ?? integer.map { "\($0)" } ?? ""
  }
}
