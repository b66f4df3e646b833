import Adoption
import Configuration
import Model

let adoptionTargets = [
  FuzzTarget(
    name: "a cloud server's recipe",
    corpus: { [Array(entries.utf8), Array("ZT_SUBNET=10.147.17.0/24\nWAN_IFACE='eth0'\n".utf8)] },
    words: [
      "-s", "-o", "\"", "\\", "-A POSTROUTING ", "*filter\n", "' #: {", "WAN_IFACE=", "zt+", "\n", "no",
      "0x1",
    ],
    check: { { input, _ in try check(cloud: input) } }),
  FuzzTarget(
    name: "a gateway's recipe",
    corpus: {
      [
        Array("CLOUD_ZT_IP=10.147.17.2\nEGRESS_ZT_IP=\"10.147.17.1\"\n100 zerotier-egress\n".utf8),
        Array("# by hand\n CLOUD_ZT_IP = 10.147.17.2\\\n\nEGRESS_ZT_IP='10.147.17.1'\n".utf8),
      ]
    },
    words: [
      "\\\n", "'", "\"", "# ", "EGRESS_ZT_IP=", "CLOUD_ZT_IP=", "10.147.17.1", "::1", "=",
      "252 zerotier-egress\n",
    ],
    check: { { input, _ in try check(gateway: input) } }),
]

private let entries = """
  *nat
  :POSTROUTING ACCEPT [0:0]
  [1:60] -A POSTROUTING -s 10.147.17.0/24 -o eth0 -m comment --comment "by \\"hand\\"" -j MASQUERADE
  COMMIT
  *filter
  :FORWARD ACCEPT [0:0]
  -A FORWARD -j DOCKER-USER
  -A FORWARD -i zt+ -o eth0 -j ACCEPT
  -A FORWARD -i eth0 -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT
  -A DOCKER-USER -j RETURN
  COMMIT

  """

private func check(cloud input: [UInt8]) throws -> FuzzTarget.Outcome {
  var host = HostTraces()
  host.cloudUnit = unit(HostTraces.cloudService, input)
  let listing = IptablesListing(parsing: String(decoding: input, as: UTF8.self))
  host.iptables = ["iptables": listing]
  host.savedRules = listing
  let lines = input.count { $0 == 0x0a } + 1
  try promise(listing.entries.allSatisfy { $0.line < lines }, "an entry behind the last line")
  return try check(host)
}

private func check(gateway input: [UInt8]) throws -> FuzzTarget.Outcome {
  var host = HostTraces()
  host.gatewayUnit = unit(HostTraces.gatewayService, input)
  host.tableNames = routingTableNames(parsing: input)
  return try check(host)
}

private func unit(_ name: String, _ environment: [UInt8]) -> UnitTrace {
  UnitTrace(
    name: name, path: "/etc/systemd/system/\(name)", environmentPath: "/etc/default/e",
    environment: EnvironmentFile(parsing: environment).values)
}

/// What is made of it is a configuration that says what was found, or is refused; nothing that stands in a file ends up
/// as a key of it.
private func check(_ host: HostTraces) throws -> FuzzTarget.Outcome {
  guard case .found(let recipe) = Recognition(host) else { return .refused }
  let network = Found(ZeroTierNetworkID(rawValue: 1), at: ["ZeroTier"])
  let text = ConfigurationText(recipe, network: network).text
  let made: AgentConfiguration
  do throws(ConfigurationErrors) {
    made = try AgentConfiguration(parsing: Array(text.utf8), path: "made")
  } catch {
    // An address or a network may be one that no configuration takes; the text is well-formed all the same.
    try promise(error.all.allSatisfy { !$0.key.isEmpty }, "\(error):\n\(text)")
    return .refused
  }
  let problems = made.disagreements(with: recipe)
  try promise(problems.isEmpty && made.zerotier.networkID == network.value, "\(problems):\n\(text)")
  return .taken
}
