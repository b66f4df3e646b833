extension RefusalTables {
  static let gateway: [Refused] = [
    egress("10.147.17", "expected an IPv4 address such as 10.147.17.1, found \"10.147.17\""),
    egress("10.147.17.1/24", "expected an IPv4 address such as 10.147.17.1, found \"10.147.17.1/24\""),
    egress("", "expected an IPv4 address such as 10.147.17.1, found nothing"),
    egress(
      "\"fd00::1\"", "\"fd00::1\" is an IPv6 address, which is not supported yet; expected an IPv4 address"),
    egress(
      "127.0.0.1", "\"127.0.0.1\" is a loopback address; expected the address of a host, such as 10.147.17.1"),
    egress("0.0.0.0", "\"0.0.0.0\" is unspecified; expected the address of a host, such as 10.147.17.1"),
    egress(
      "224.0.0.1", "\"224.0.0.1\" is a multicast address; expected the address of a host, such as 10.147.17.1"
    ),
    egress(
      "255.255.255.255",
      "\"255.255.255.255\" is reserved; expected the address of a host, such as 10.147.17.1"),
    exits("[]", "5:10: gateway.exits: empty; expected at least one exit"),
    exits(
      "cloud-a", "5:10: gateway.exits: expected a list of exits with name and address, found \"cloud-a\""),
    exits("[cloud-a]", "5:11: gateway.exits[0]: expected a mapping with name and address, found \"cloud-a\""),
    exits(
      "[{}]", "5:11: gateway.exits[0].name: missing; expected \(name)",
      "5:11: gateway.exits[0].address: missing; expected an IPv4 address such as 10.147.17.2"),
    exits(
      "[{name: a, address: 10.0.0.2}, {name: a, address: 10.0.0.2}]",
      "5:48: gateway.exits[1].name: \"a\" is gateway.exits[0].name already",
      "5:60: gateway.exits[1].address: 10.0.0.2 is gateway.exits[0].address already"),
    exits(
      "[{name: a, address: 10.147.17.1}]",
      "5:30: gateway.exits[0].address: is egressIP, this node's own address; expected a cloud server's"),
    exits(
      "[{name: auto, address: 10.0.0.2}]",
      "5:18: gateway.exits[0].name: \"auto\" is a word of the exit command; expected another name"),
    exits("[{name: a b, address: 10.0.0.2}]", "5:18: gateway.exits[0].name: expected \(name), found \"a b\""),
    exits(
      "[{name: a, address: 10.0.0.2, weight: 0, nodeID: 12}]",
      "5:48: gateway.exits[0].weight: expected a whole number from 1 to 256, found \"0\"",
      "5:59: gateway.exits[0].nodeID: expected the node's 10 hexadecimal digits, found \"12\""),
    exits(
      "[" + (0..<65).map { "{name: e\($0), address: 10.0.1.\($0)}" }.joined(separator: ", ") + "]",
      "5:10: gateway.exits: 65 entries; at most 64 are supported"),
    excluded("0.0.0.0/0", "\"0.0.0.0/0\" is every address; expected a smaller network"),
    excluded(
      "10.0.0.5/8",
      "expected an IPv4 network such as 10.0.0.0/8, found \"10.0.0.5/8\"; did you mean \"10.0.0.0/8\"?"),
    excluded(
      "10.0.0.5",
      "expected an IPv4 network such as 10.0.0.0/8, found \"10.0.0.5\"; did you mean \"10.0.0.5/32\"?"),
    excluded(
      "10.0.0.0/33",
      "expected an IPv4 network such as 10.0.0.0/8, found \"10.0.0.0/33\""),
    excluded(
      "\"fc00::/7\"", "\"fc00::/7\" is an IPv6 network, which is not supported yet; expected an IPv4 network"),
    excluded("lan", "expected an IPv4 network such as 10.0.0.0/8, found \"lan\""),
    .gateway(
      "  excludedCIDRs: [0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/2, 10.0.0.0/8]\n",
      "6:18: gateway.excludedCIDRs: the networks together are every address; expected some to be left"),
    .gateway(
      "  excludedCIDRs: 10.0.0.0/8\n",
      "6:18: gateway.excludedCIDRs: expected a list of IPv4 networks such as 10.0.0.0/8, found \"10.0.0.0/8\""
    ),
    table("0", "expected \(tables), found \"0\""),
    table("main", "expected \(tables), found \"main\""),
    table("0x64", "expected \(tables), found \"0x64\""),
    table("0100", "expected \(tables), found \"0100\""),
    table("\"100\"", "expected \(tables), found \"100\""),
    table("4294967295", "expected \(tables), found \"4294967295\""),
    table("254", "\"254\" is one of the system's tables, 252 to 255"),
    table("252", "\"252\" is one of the system's tables, 252 to 255"),
    table("251", "\"251\" is refused: the next table is the agent's too, and 252 is the system's"),
    .gateway("  rulePriority: 112\n", "6:17: gateway.rulePriority: expected \(priorities), found \"112\""),
    .gateway(
      "  rulePriority: 32763\n", "6:17: gateway.rulePriority: expected \(priorities), found \"32763\""),
    .gateway(
      "  whenDown: blackhol\n",
      "6:13: gateway.whenDown: expected blackhole, unreachable or prohibit, found \"blackhol\"; did you mean \"blackhole\"?"
    ),
    .gateway(
      "  probe: {interval: 50ms}\n", "6:21: gateway.probe." + durations("interval", "100ms to 1m", "50ms")),
    .gateway("  probe: {timeout: 5ms}\n", "6:20: gateway.probe." + durations("timeout", "10ms to 1m", "5ms")),
    .gateway(
      "  probe: {failbackAfter: 61m}\n",
      "6:26: gateway.probe." + durations("failbackAfter", "0s to 1h", "61m")),
    .gateway(
      "  probe: {failAfter: 0, recoverAfter: 101}\n",
      "6:22: gateway.probe.failAfter: expected a whole number from 1 to 100, found \"0\"",
      "6:39: gateway.probe.recoverAfter: expected a whole number from 1 to 100, found \"101\""),
  ]

  static let endToEnd: [Refused] = [
    through("[]", "14: gateway.probe.through: empty; leave the key out to ask nobody"),
    through(
      "[1.1.1.1:443]",
      "15: gateway.probe.through[0]: expected \(target), found \"1.1.1.1:443\"; did you mean \"tcp://1.1.1.1:443\"?"
    ),
    through("[tcp://1.1.1.1]", "15: gateway.probe.through[0]: expected \(target), found \"tcp://1.1.1.1\""),
    through(
      "[tcp://1.1.1.1:0]", "15: gateway.probe.through[0]: expected \(target), found \"tcp://1.1.1.1:0\""),
    through(
      "[\"tcp://one.one.one.one:443\"]",
      "15: gateway.probe.through[0]: \"tcp://one.one.one.one:443\" names its server; names are not resolved, expected an IPv4 address as in tcp://1.1.1.1:443"
    ),
    through(
      "[\"tcp://[::1]:443\"]",
      "15: gateway.probe.through[0]: \"tcp://[::1]:443\" is IPv6, which is not supported yet; expected tcp://1.1.1.1:443"
    ),
    through(
      "[tcp://127.0.0.1:443]",
      "15: gateway.probe.through[0]: \"tcp://127.0.0.1:443\" is a loopback address; expected a server such as tcp://1.1.1.1:443"
    ),
    through(
      "[tcp://8.8.8.8:53, tcp://192.168.1.1:443]",
      "33: gateway.probe.through[1]: 192.168.1.1 is inside 192.168.0.0/16 of gateway.excludedCIDRs and would not be asked through the tunnel; expected a server in the Internet"
    ),
    publicAddress(
      "{url: http://10.0.0.80/, expect: 203.0.113.50}",
      "26: gateway.probe.publicAddress.url: 10.0.0.80 is inside 10.0.0.0/8 of gateway.excludedCIDRs and would not be asked through the tunnel; expected a server in the Internet"
    ),
    publicAddress(
      "{url: http://203.0.113.80/}",
      "5: gateway.probe.publicAddress.expect: missing; expected an IPv4 address such as 203.0.113.50"),
    publicAddress(
      "{url: \"https://203.0.113.80/\", expect: 203.0.113.50}",
      "26: gateway.probe.publicAddress.url: \"https://203.0.113.80/\" has a scheme that is not supported; expected http://"
    ),
    publicAddress(
      "{url: http://203.0.113.80/, expect: []}",
      "56: gateway.probe.publicAddress.expect: empty; expected an IPv4 address such as 203.0.113.50"),
    .gateway(
      "  routingTable: 14699\n  probe: {through: [tcp://1.1.1.1:443]}\n",
      "6:17: gateway.routingTable: with probe.through or probe.publicAddress the tables 14700 to 14763 are for the checks of exits; expected another number"
    ),
    .gateway(
      "  rulePriority: 32762\n  probe: {through: [tcp://1.1.1.1:443]}\n",
      "6:17: gateway.rulePriority: with probe.through or probe.publicAddress the agent needs a rule more for each exit; expected at most 32761"
    ),
  ]

  static let cloud: [Refused] = [
    sources("[]", "4:12: cloud.sources: empty; expected at least one network such as 10.147.17.0/24"),
    sources(
      "[0.0.0.0/0]", "4:13: cloud.sources[0]: \"0.0.0.0/0\" is every address; expected a smaller network"),
    sources(
      "[\"fd00::/8\"]",
      "4:13: cloud.sources[0]: \"fd00::/8\" is an IPv6 network, which is not supported yet; expected an IPv4 network"
    ),
    Refused(
      "role: cloud\nzerotier: {networkID: a1b2c3d4e5f67890}\ncloud: {mss: clamp}\n",
      "3:1: cloud.sources: missing; expected a list of ZeroTier networks such as 10.147.17.0/24"),
    .cloud(
      "  snat: none\n",
      "5:9: cloud.snat: expected masquerade or an IPv4 address such as 203.0.113.50, found \"none\""),
    .cloud(
      "  snat: 127.0.0.1\n",
      "5:9: cloud.snat: \"127.0.0.1\" is a loopback address; expected the address of a host, such as 203.0.113.50"
    ),
    .cloud(
      "  wanInterface: eth0:1\n",
      "5:17: cloud.wanInterface: expected auto or an interface's name of 1 to 15 bytes, without slash, colon or space, found \"eth0:1\""
    ),
    .cloud("  mss: 1400\n", "5:8: cloud.mss: expected clamp or off, found \"1400\""),
    .cloud(
      "  denyDestinations: privat\n",
      "5:21: cloud.denyDestinations: expected private, none or a list of IPv4 networks, found \"privat\"; did you mean \"private\"?"
    ),
    .cloud(
      "  denyDestinations:\n",
      "5:20: cloud.denyDestinations: expected private, none or a list of IPv4 networks, found nothing"),
    allow("{protocol: sctp}", "18: cloud.allow[0].protocol: expected tcp, udp or icmp, found \"sctp\""),
    allow("{ports: [80]}", "7: cloud.allow[0].protocol: missing; expected tcp, udp or icmp"),
    allow("{protocol: icmp, ports: [80]}", "24: cloud.allow[0].ports: ICMP has no ports; remove it"),
    allow(
      "{protocol: tcp, ports: []}", "30: cloud.allow[0].ports: empty; leave the key out to allow all ports"),
    allow("{protocol: tcp, ports: [0]}", "31: cloud.allow[0].ports[0]: expected \(ports), found \"0\""),
    allow(
      "{protocol: tcp, ports: [65536]}", "31: cloud.allow[0].ports[0]: expected \(ports), found \"65536\""),
    allow(
      "{protocol: tcp, ports: [1-2-3]}", "31: cloud.allow[0].ports[0]: expected \(ports), found \"1-2-3\""),
    allow("{protocol: tcp, ports: [-80]}", "31: cloud.allow[0].ports[0]: expected \(ports), found \"-80\""),
    allow(
      "{protocol: tcp, ports: [90-80]}",
      "31: cloud.allow[0].ports[0]: expected \(ports), found \"90-80\"; did you mean \"80-90\"?"),
    allow(
      "{protocol: tcp, ports: 80}",
      "30: cloud.allow[0].ports: expected a list of ports such as 443, or ranges such as 8000-8100, found \"80\""
    ),
    .cloud(
      "  allow: [tcp]\n", "5:11: cloud.allow[0]: expected a mapping with protocol and ports, found \"tcp\""),
  ]

  private static let name = "a name of 1 to 63 letters, digits, \".\", \"_\" or \"-\""
  private static let tables = "a whole number from 1 to 4294967294, but none of 251 to 255"
  private static let priorities = "a whole number from 113 to 32762, behind Cilium's rules and before main's"
  private static let ports = "a port such as 443, or a range such as 8000-8100, from 1 to 65535"

  private static let target = "a target such as tcp://1.1.1.1:443"

  private static func through(_ written: String, _ line: String) -> Refused {
    .gateway("  probe:\n    through: \(written)\n", "7:\(line)")
  }

  private static func publicAddress(_ written: String, _ line: String) -> Refused {
    .gateway("  probe:\n    publicAddress: \(written)\n", "7:\(line)")
  }

  private static func egress(_ written: String, _ problem: String) -> Refused {
    let place = written.isEmpty ? "4:12" : "4:13"
    return Refused(
      gatewayText().replacing("egressIP: 10.147.17.1", with: "egressIP: " + written),
      "\(place): gateway.egressIP: \(problem)")
  }

  private static func exits(_ written: String, _ lines: String...) -> Refused {
    let text = gatewayText().replacing(
      "[{name: cloud-a, address: 10.147.17.2}]", with: written)
    return Refused(text: text, lines: lines)
  }

  private static func excluded(_ written: String, _ problem: String) -> Refused {
    .gateway("  excludedCIDRs: [\(written)]\n", "6:19: gateway.excludedCIDRs[0]: \(problem)")
  }

  private static func table(_ written: String, _ problem: String) -> Refused {
    .gateway("  routingTable: \(written)\n", "6:17: gateway.routingTable: \(problem)")
  }

  private static func sources(_ written: String, _ line: String) -> Refused {
    Refused(cloudText().replacing("[10.147.17.0/24]", with: written), line)
  }

  private static func allow(_ entry: String, _ line: String) -> Refused {
    .cloud("  allow:\n    - \(entry)\n", "6:\(line)")
  }
}
