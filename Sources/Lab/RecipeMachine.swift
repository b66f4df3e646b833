extension Container.Setup {
  /// The plan's recipe by its own units, as its sections C.4 and D.4 write them, with the agent installed beside it:
  /// neither configured nor started.
  ///
  /// - Parameter units: the directory of the agent's units.
  public static func recipe(on node: Node, in lab: Lab, units: String) throws -> Container.Setup {
    var setup = try Container.Setup.agent(on: node, in: lab, units: units)
    setup.files.removeAll { $0.path == AgentPlaces.configuration }
    setup.files += node == .gateway ? Recipe.gateway : Recipe.cloud
    setup.enabled = [node == .gateway ? Recipe.gatewayUnit : Recipe.cloudUnit]
    return setup
  }
}

/// Names and files of the plan's recipe.
public enum Recipe {
  public static let gatewayUnit = "zt-egress-route.service"
  public static let cloudUnit = "zt-nat.service"

  static var gateway: [ContainerFile] {
    [
      ContainerFile(
        "/etc/default/zt-egress-route",
        "# by hand\nCLOUD_ZT_IP=\(Node.cloudA.tunnelAddress ?? "")\nEGRESS_ZT_IP=\(Address.egress)\n"),
      ContainerFile("/etc/systemd/system/\(gatewayUnit)", gatewayService),
    ]
  }

  static var cloud: [ContainerFile] {
    [
      ContainerFile(
        "/etc/default/zt-nat", "# by hand\nZT_SUBNET=\(Address.tunnelNetwork)\nWAN_IFACE=eth0\n"),
      ContainerFile("/etc/systemd/system/\(cloudUnit)", cloudService),
      ContainerFile("/etc/sysctl.d/99-ip-forward.conf", "net.ipv4.ip_forward = 1\n"),
    ]
  }

  private static let gatewayService = #"""
    [Unit]
    Description=ZeroTier egress policy routing for LiteBoxd
    After=zerotier-one.service network-online.target
    Wants=network-online.target

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    EnvironmentFile=/etc/default/zt-egress-route
    ExecStartPre=/bin/bash -c 'grep -q "zerotier-egress" /etc/iproute2/rt_tables || echo "100 zerotier-egress" >> /etc/iproute2/rt_tables'
    ExecStartPre=/bin/bash -c 'for i in $(seq 1 30); do ip link show | grep -q "zt" && break; sleep 1; done'
    ExecStart=/bin/bash -c '\
      ZT_IFACE=$(ip link show | grep -o "zt[a-z0-9]*" | head -1) && \
      ip route replace throw 10.0.0.0/8       table zerotier-egress && \
      ip route replace throw 172.16.0.0/12    table zerotier-egress && \
      ip route replace throw 192.168.0.0/16   table zerotier-egress && \
      ip route replace throw 127.0.0.0/8      table zerotier-egress && \
      ip route replace throw 169.254.0.0/16   table zerotier-egress && \
      ip route replace default via ${CLOUD_ZT_IP} dev $ZT_IFACE table zerotier-egress && \
      ip rule del from ${EGRESS_ZT_IP} table zerotier-egress 2>/dev/null; \
      ip rule add from ${EGRESS_ZT_IP} table zerotier-egress priority 100'
    ExecStop=/bin/bash -c '\
      ip rule del from ${EGRESS_ZT_IP} table zerotier-egress 2>/dev/null; \
      ip route flush table zerotier-egress 2>/dev/null; \
      true'

    [Install]
    WantedBy=multi-user.target

    """#

  private static let cloudService = """
    [Unit]
    Description=ZeroTier NAT forwarding rules
    After=zerotier-one.service network-online.target
    Wants=network-online.target

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    EnvironmentFile=/etc/default/zt-nat
    ExecStart=/sbin/sysctl -w net.ipv4.ip_forward=1
    ExecStart=/sbin/iptables -t nat -A POSTROUTING -s ${ZT_SUBNET} -o ${WAN_IFACE} -j MASQUERADE
    ExecStart=/sbin/iptables -A FORWARD -i zt+ -o ${WAN_IFACE} -j ACCEPT
    ExecStart=/sbin/iptables -A FORWARD -i ${WAN_IFACE} -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT
    ExecStop=/sbin/iptables -t nat -D POSTROUTING -s ${ZT_SUBNET} -o ${WAN_IFACE} -j MASQUERADE
    ExecStop=/sbin/iptables -D FORWARD -i zt+ -o ${WAN_IFACE} -j ACCEPT
    ExecStop=/sbin/iptables -D FORWARD -i ${WAN_IFACE} -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT

    [Install]
    WantedBy=multi-user.target

    """
}

extension Lab {
  /// Section D.3, typed by hand: the gateway's routes and its rule.
  public func typeGatewayRecipe() throws {
    let device = try zeroTier(.gateway).device
    try namespace(.gateway).ip(
      batch: Address.excludedNetworks.map { "route replace throw \($0) table 100" } + [
        "route replace default via \(Node.cloudA.tunnelAddress ?? "") dev \(device) table 100",
        "rule add from \(Address.egress) table 100 priority 100",
      ])
  }
}
