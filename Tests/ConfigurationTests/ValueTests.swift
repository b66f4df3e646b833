import Model
import Testing

@testable import Configuration

@Suite("What a configuration file means")
struct ValueTests {
  /// The documentation's example, of both roles.
  private static let common = """
    zerotier:
      networkID: a1b2c3d4e5f67890     # 16 hex digits
      api: http://127.0.0.1:9993
      authTokenFile: /var/lib/zerotier-one/authtoken.secret
      pollInterval: 2s
      interface: ztabcdefgh
    status:
      socket: /run/liteboxd/agent.sock
      group: liteboxd
    metrics:
      listen: 127.0.0.1:9479
    reconcile:
      resyncInterval: 30s
      configPollInterval: 2s
    log:
      level: info
      format: auto

    """

  private static let gatewayExample = """
    role: gateway
    gateway:
      egressIP: 10.147.17.1
      exits:
        - name: cloud-a
          address: 10.147.17.2
          nodeID: 89e92ceee5
        - name: cloud-b
          address: 10.147.17.3
          weight: 2
      excludedCIDRs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, 169.254.0.0/16]
      routingTable: 100
      rulePriority: 150
      whenDown: blackhole
      probe:
        interval: 1s
        timeout: 1s
        failAfter: 3
        recoverAfter: 5
        failbackAfter: 60s
        through: [tcp://1.1.1.1:443, tcp://8.8.8.8:443]
        publicAddress: {url: http://203.0.113.80/ip, expect: [203.0.113.50, 203.0.113.51]}
      spread: flows

    """

  @Test("the documented gateway example says what it says")
  func documentedGateway() throws {
    let read = try parse(Self.common + Self.gatewayExample)
    let exits = [
      Exit(
        name: "cloud-a", address: try address("10.147.17.2"), nodeID: ZeroTierNodeID(rawValue: 0x89_e92c_eee5)
      ),
      Exit(name: "cloud-b", address: try address("10.147.17.3"), weight: 2),
    ]
    var probe = ProbeSettings(
      interval: .seconds(1), timeout: .seconds(1), failAfter: 3, recoverAfter: 5, failbackAfter: .seconds(60))
    probe.through = [
      TCPTarget(address: try address("1.1.1.1"), port: 443),
      TCPTarget(address: try address("8.8.8.8"), port: 443),
    ]
    probe.publicAddress = PublicAddressCheck(
      server: try address("203.0.113.80"), path: "/ip",
      expected: [try address("203.0.113.50"), try address("203.0.113.51")])
    #expect(
      read.role
        == .gateway(
          GatewaySettings(
            egressIP: try address("10.147.17.1"), exits: exits,
            excludedCIDRs: try networks(
              "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
            routingTable: RoutingTableID(rawValue: 100), rulePriority: RulePriority(rawValue: 150),
            whenDown: .blackhole, probe: probe, spread: .flows)))
    #expect(
      read.zerotier
        == ZeroTierSettings(
          networkID: ZeroTierNetworkID(rawValue: 0xa1b2_c3d4_e5f6_7890),
          api: APIEndpoint(host: try address("127.0.0.1"), port: 9993),
          authTokenFile: "/var/lib/zerotier-one/authtoken.secret", pollInterval: .seconds(2),
          interface: InterfaceName("ztabcdefgh")))
    #expect(read.status == StatusSettings(socket: "/run/liteboxd/agent.sock", group: "liteboxd"))
    #expect(read.metrics == .listen(try address("127.0.0.1"), port: 9479))
    #expect(
      read.reconcile == ReconcileSettings(resyncInterval: .seconds(30), configPollInterval: .seconds(2)))
    #expect(read.log == LogSettings(level: .info, format: .auto))
  }

  @Test("what is left out of the gateway example has the documented default")
  func gatewayDefaults() throws {
    var written = try parse(Self.common + Self.gatewayExample)
    let least = try parse(gatewayText())
    guard case .gateway(var settings) = written.role else { throw NotThisRole() }
    settings.exits = [Exit(name: "cloud-a", address: try address("10.147.17.2"))]
    settings.probe.through = []
    settings.probe.publicAddress = nil
    settings.spread = .none
    written.role = .gateway(settings)
    written.zerotier.api = nil
    written.zerotier.interface = nil
    written.status.group = nil
    #expect(least == written)
  }

  @Test("the documented cloud example says what it says, and its keys are the defaults")
  func documentedCloud() throws {
    let keys = """
        wanInterface: auto
        snat: masquerade
        allow: []
        denyDestinations: private
        mss: clamp
      """
    let written = try cloudSettings(keys)
    #expect(
      written
        == CloudSettings(
          sources: try networks("10.147.17.0/24"), wanInterface: .auto, snat: .masquerade, allow: [],
          denyDestinations: try networks(
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "224.0.0.0/4", "0.0.0.0/8", "240.0.0.0/4"),
          clampMSS: .clamp))
    #expect(try cloudSettings("") == written)
  }

  @Test("a cloud server's other choices are read")
  func cloudChoices() throws {
    let read = try cloudSettings(
      """
        wanInterface: eth0
        snat: 203.0.113.50
        allow:
          - {protocol: tcp, ports: [8000-8100, 443, "80", 8050-8200]}
          - {protocol: icmp}
          - {protocol: udp}
        denyDestinations: [192.0.2.0/24]
        mss: off
      """)
    #expect(read.wanInterface == .named(try #require(InterfaceName("eth0"))))
    #expect(read.snat == .fixed(try address("203.0.113.50")))
    #expect(
      read.allow == [
        AllowedTraffic(protocol: .tcp, ports: [80...80, 443...443, 8000...8200]),
        AllowedTraffic(protocol: .icmp),
        AllowedTraffic(protocol: .udp),
      ])
    #expect(read.denyDestinations == (try networks("192.0.2.0/24")))
    #expect(read.clampMSS == .off)
    #expect(try cloudSettings("  denyDestinations: none").denyDestinations == [])
    #expect(try cloudSettings("  denyDestinations: []").denyDestinations == [])
  }

  @Test(
    "a network's digits are read however YAML would type them",
    arguments: [
      "8056902000000001", "\"8056902000000001\"", "'8056902E00000001'", "0000000000000017",
      "A1B2C3D4E5F67890",
    ])
  func networkDigits(_ written: String) throws {
    let text = gatewayText().replacing("a1b2c3d4e5f67890", with: written)
    let digits = written.filter(\.isHexDigit).lowercased()
    #expect(try parse(text).zerotier.networkID.description == digits)
  }

  @Test(
    "durations have units",
    arguments: [
      ("100ms", Duration.milliseconds(100)), ("2s", .seconds(2)), ("1m", .seconds(60)),
      ("600000ms", .seconds(600)),
    ])
  func durations(_ written: String, _ meant: Duration) throws {
    #expect(
      try parse(gatewayText("reconcile: {configPollInterval: \(written)}")).reconcile.configPollInterval
        == meant)
  }

  @Test("durations print as they are written")
  func durationTexts() {
    let texts = [Duration.zero, .milliseconds(1500), .seconds(90), .seconds(120), .seconds(7200)].map(
      durationText)
    #expect(texts == ["0s", "1500ms", "90s", "2m", "2h"])
  }

  @Test(
    "metrics listen where they are told",
    arguments: [("off", "off"), ("0.0.0.0:80", "0.0.0.0:80"), ("\"[::1]:9479\"", "[::1]:9479")])
  func metrics(_ written: String, _ meant: String) throws {
    switch try parse(gatewayText("metrics: {listen: \(written)}")).metrics {
    case .off: #expect(meant == "off")
    case .listen(let host, let port): #expect(SocketText.join(host, port) == meant)
    }
  }

  @Test(
    "the local service is found under its loopback names",
    arguments: [
      ("http://localhost:9993", "http://127.0.0.1:9993"), ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
      ("\"http://[::1]:9993\"", "http://[::1]:9993"),
    ])
  func endpoints(_ written: String, _ meant: String) throws {
    let text = gatewayText().replacing("67890}", with: "67890, api: \(written)}")
    #expect(try parse(text).zerotier.api?.description == meant)
  }

  @Test("the least and the greatest table and priority are taken")
  func bounds() throws {
    #expect(try gatewaySettings("  routingTable: 1").routingTable.rawValue == 1)
    #expect(try gatewaySettings("  routingTable: 250").routingTable.rawValue == 250)
    #expect(try gatewaySettings("  routingTable: 256").routingTable.rawValue == 256)
    #expect(try gatewaySettings("  routingTable: 4294967294").routingTable.next.rawValue == 4_294_967_295)
    #expect(try gatewaySettings("  rulePriority: 113").rulePriority.rawValue == 113)
    #expect(try gatewaySettings("  rulePriority: 32762").rulePriority.rawValue == 32762)
    #expect(try gatewaySettings("  excludedCIDRs: []").excludedCIDRs == [])
    #expect(try gatewaySettings("  probe: {failbackAfter: 0s}").probe.failbackAfter == .zero)
  }

  @Test("log levels grow graver")
  func levels() { #expect(LogLevel.allCases.sorted() == [.debug, .info, .notice, .warning, .error]) }

  @Test(
    "the installed examples can be used as they are", arguments: ["config/gateway.yaml", "config/cloud.yaml"])
  func examples(_ path: String) throws {
    let loaded = try loadConfiguration(at: repositoryFile(path))
    #expect(loaded.warnings.isEmpty)
    #expect(loaded.path == repositoryFile(path))
  }

  @Test("a byte order mark, Windows line ends and explicit document marks do no harm")
  func foreignEditors() throws {
    let text = "\u{feff}---\r\n" + gatewayText().replacing("\n", with: "\r\n") + "...\r\n"
    #expect(try parse(text) == parse(gatewayText()))
  }
}
