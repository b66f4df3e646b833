/// Each text, and what refuses it.
enum RefusalTables {

  static let keys: [Refused] = [
    Refused(
      "", "1:1: role: missing; expected gateway or cloud",
      "1:1: zerotier: missing; expected a mapping with networkID"),
    Refused(
      "# nothing\n---\n", "1:1: role: missing; expected gateway or cloud",
      "1:1: zerotier: missing; expected a mapping with networkID"),
    Refused("- role\n", "1:1: expected a mapping with role and zerotier, found a list"),
    Refused("role", "1:1: expected a mapping with role and zerotier, found \"role\""),
    Refused(
      "role: gateway\n",
      "1:1: gateway: missing; expected a mapping with egressIP and exits, for role: gateway",
      "1:1: zerotier: missing; expected a mapping with networkID"),
    Refused(
      "role: cloud\nzerotier: {networkID: a1b2c3d4e5f67890}\n",
      "1:1: cloud: missing; expected a mapping with sources, for role: cloud"),
    Refused(
      "role: gatway\nzerotier: {}\ngateway: {egresIP: 1.1.1.1}\n",
      "1:7: role: expected gateway or cloud, found \"gatway\"; did you mean \"gateway\"?",
      "2:1: zerotier.networkID: missing; expected the network's 16 hexadecimal digits",
      "3:1: gateway.egressIP: missing; expected an IPv4 address such as 10.147.17.1",
      "3:1: gateway.exits: missing; expected a list of exits with name and address",
      "3:11: gateway.egresIP: unknown key; did you mean \"egressIP\"?"),
    .gateway("  egresIP: 10.1.1.1\n", "6:3: gateway.egresIP: unknown key; did you mean \"egressIP\"?"),
    .gateway("stauts: {}\n", "6:1: stauts: unknown key; did you mean \"status\"?"),
    .gateway(
      "log: {colour: red}\n", "6:7: log.colour: unknown key; the keys here are format, level"),
    .gateway(
      "cloud: {sources: [10.147.17.0/24]}\n",
      "6:1: cloud: this section belongs to role: cloud, and role is gateway; remove it"),
    .cloud("gateway:\n", "5:1: gateway: this section belongs to role: gateway, and role is cloud; remove it"),
    .gateway("status:\n", "6:8: status: expected a mapping with socket and group, found nothing"),
    .gateway("status: []\n", "6:9: status: expected a mapping with socket and group, found a list"),
    .gateway("  spread: all\n", "6:11: gateway.spread: expected none or flows, found \"all\""),
  ]

  static let yaml: [Refused] = [
    .gateway("role: cloud\n", "6:1: role: duplicate key, already on line 1, column 1"),
    .gateway(
      "log:\n  level: info\n  level: debug\n", "8:3: log.level: duplicate key, already on line 7, column 3"),
    .gateway("log: &a {level: info}\n", "6:6: log: an anchor (&) is not supported; remove it"),
    .gateway(
      "log: &a {level: info}\nstatus: *a\n", "6:6: log: an anchor (&) is not supported; remove it",
      "7:9: status: an alias (*) is not supported; write the value out"),
    .gateway("log: {level: !!str info}\n", "6:14: log.level: a tag (!) is not supported; remove it"),
    .gateway("log: {!k level: info}\n", "6:7: log: a tag (!) is not supported; remove it"),
    .gateway("log: {<<: {level: info}}\n", "6:7: log: a merge key (<<) is not supported; write the keys out"),
    .gateway("log: {? [level] : info}\n", "6:9: log: expected a key, which is a plain word"),
    .gateway("---\nrole: cloud\n", "6:1: a second document begins; a configuration is one"),
    Refused("%TAG ! tag:example,2000:\n---\nrole: cloud\n", "1:1: %TAG is not supported; remove it"),
    Refused(
      "role: gateway\ngateway: {egressIP: 10.1.1.1\n",
      "3:1: not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping)"),
    Refused(
      "role: gateway\nzerotier:\n\tnetworkID: a1b2c3d4e5f67890\n",
      "3:1: not valid YAML: found character that cannot start any token (while scanning for the next token)"),
    Refused(
      "role: \"gateway\n",
      "2:1: not valid YAML: found unexpected end of stream (while scanning a quoted scalar)"),
    Refused(
      "a: " + String(repeating: "[", count: 16),
      "1:19: a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 16 levels"),
  ]

  static let operation: [Refused] = [
    network("a1b2c3d4e5f6789", "expected the network's 16 hexadecimal digits, found \"a1b2c3d4e5f6789\""),
    network("a1b2c3d4e5f6789g", "expected the network's 16 hexadecimal digits, found \"a1b2c3d4e5f6789g\""),
    network("[a1b2c3d4e5f67890]", "expected the network's 16 hexadecimal digits, found a list"),
    network("~", "expected the network's 16 hexadecimal digits, found nothing"),
    zerotier(
      "api: https://127.0.0.1:9993",
      "api: expected a URL such as http://127.0.0.1:9993, found \"https://127.0.0.1:9993\""),
    zerotier(
      "api: http://127.0.0.1", "api: expected a URL such as http://127.0.0.1:9993, found \"http://127.0.0.1\""
    ),
    zerotier(
      "api: http://127.0.0.1:9993/status",
      "api: expected a URL such as http://127.0.0.1:9993, found \"http://127.0.0.1:9993/status\""),
    zerotier(
      "api: http://10.0.0.1:9993",
      "api: \"http://10.0.0.1:9993\" is not on this host; ZeroTier answers loopback addresses only, such as 127.0.0.1"
    ),
    zerotier(
      "authTokenFile: token",
      "authTokenFile: expected an absolute path of at most 4095 bytes, found \"token\""),
    zerotier(
      "pollInterval: 2",
      "pollInterval: \"2\" has no unit; expected a duration from 100ms to 10m, such as 500ms, 2s or 1m"),
    zerotier("pollInterval: 11m", durations("pollInterval", "100ms to 10m", "11m")),
    zerotier("pollInterval: 1.5s", durations("pollInterval", "100ms to 10m", "1.5s")),
    zerotier("pollInterval: -2s", durations("pollInterval", "100ms to 10m", "-2s")),
    zerotier(
      "pollInterval: 99999999999999999999s",
      durations("pollInterval", "100ms to 10m", "99999999999999999999s")),
    zerotier(
      "interface: zt/reboot",
      "interface: expected an interface's name of 1 to 15 bytes, without slash, colon or space, found \"zt/reboot\""
    ),
    .gateway(
      "status: {socket: agent.sock}\n",
      "6:18: status.socket: expected an absolute path of at most 107 bytes, found \"agent.sock\""),
    .gateway(
      "status: {group: \"a b\"}\n",
      "6:17: status.group: expected the name of a group such as liteboxd, found \"a b\""),
    .gateway(
      "metrics: {listen: 9479}\n",
      "6:19: metrics.listen: expected off or an address and port such as 127.0.0.1:9479 or [::1]:9479, found \"9479\""
    ),
    .gateway(
      "metrics: {listen: \"::1:9479\"}\n",
      "6:19: metrics.listen: expected off or an address and port such as 127.0.0.1:9479 or [::1]:9479, found \"::1:9479\""
    ),
    .gateway(
      "metrics: {listen: 127.0.0.1:0}\n",
      "6:19: metrics.listen: expected off or an address and port such as 127.0.0.1:9479 or [::1]:9479, found \"127.0.0.1:0\""
    ),
    .gateway("metrics: off\n", "6:10: metrics: expected a mapping with listen, found \"off\""),
    .gateway(
      "reconcile: {resyncInterval: 500ms}\n",
      "6:29: reconcile." + durations("resyncInterval", "1s to 1h", "500ms")),
    .gateway(
      "log: {level: warn}\n",
      "6:14: log.level: expected debug, info, notice, warning or error, found \"warn\""),
    .gateway(
      "log: {level: nfo}\n",
      "6:14: log.level: expected debug, info, notice, warning or error, found \"nfo\"; did you mean \"info\"?"
    ),
    .gateway("log: {format: xml}\n", "6:15: log.format: expected auto, text or json, found \"xml\""),
  ]

  private static func network(_ written: String, _ problem: String) -> Refused {
    Refused(
      gatewayText().replacing("a1b2c3d4e5f67890", with: written), "2:23: zerotier.networkID: \(problem)")
  }

  private static func zerotier(_ written: String, _ line: String) -> Refused {
    let column = 41 + written.prefix { $0 != ":" }.count + 2
    return Refused(
      gatewayText().replacing("67890}", with: "67890, \(written)}"), "2:\(column): zerotier.\(line)")
  }

  static func durations(_ key: String, _ range: String, _ found: String) -> String {
    "\(key): expected a duration from \(range), such as 500ms, 2s or 1m, found \"\(found)\""
  }
}
