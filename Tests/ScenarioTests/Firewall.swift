import Lab

/// Who drops what is forwarded, as its own commands make it. Lines are a shell's.
enum Firewall: String, CaseIterable, Sendable {
  case firewalld
  case ufw
  /// Docker's rules, as `iptables-save` shows them once it runs.
  case docker
  /// As Red Hat's iptables-services has it by default.
  case iptables

  /// Its rules, where they are a file's.
  var file: ContainerFile {
    switch self {
    case .firewalld, .ufw: ContainerFile("/var/lib/rules", "")
    case .docker:
      ContainerFile(
        "/var/lib/rules",
        """
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :DOCKER - [0:0]
        :DOCKER-ISOLATION-STAGE-1 - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -j DOCKER-ISOLATION-STAGE-1
        -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -o docker0 -j DOCKER
        -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
        -A FORWARD -i docker0 -o docker0 -j ACCEPT
        -A DOCKER-ISOLATION-STAGE-1 -j RETURN
        -A DOCKER-USER -j RETURN
        COMMIT

        """)
    case .iptables:
      ContainerFile(
        "/var/lib/rules",
        """
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A FORWARD -m comment --comment "the last word" -j REJECT --reject-with icmp-host-prohibited
        COMMIT

        """)
    }
  }

  var start: String {
    switch self {
    case .firewalld: "systemctl start firewalld && \(Self.untilFirewalldRuns)"
    case .ufw: "ufw --force enable"
    case .docker, .iptables: "iptables-restore /var/lib/rules"
    }
  }

  /// systemd takes it for started before it has made its rules.
  private static let untilFirewalldRuns = "until firewall-cmd --state 2>/dev/null; do :; done"

  /// What makes those links' packets pass, for good.
  func permission(for links: [String]) -> String {
    let lines =
      switch self {
      case .firewalld:
        links.map {
          "firewall-cmd --permanent --zone=trusted --add-interface=\($0)"
            + " && firewall-cmd --zone=trusted --add-interface=\($0)"
        }
      case .ufw: links.map { "ufw route allow in on \($0)" }
      case .docker:
        links.map {
          "iptables -I DOCKER-USER -i \($0) -j ACCEPT && iptables -I DOCKER-USER -o \($0) -j ACCEPT"
        }
      case .iptables:
        links.map { "iptables -I FORWARD -i \($0) -j ACCEPT && iptables -I FORWARD -o \($0) -j ACCEPT" }
      }
    return lines.joined(separator: " && ")
  }

  var reloads: [String] {
    switch self {
    case .firewalld:
      [
        "firewall-cmd --reload", "firewall-cmd --complete-reload",
        "systemctl restart firewalld && \(Self.untilFirewalldRuns)",
      ]
    case .ufw: ["ufw reload"]
    case .docker, .iptables:
      ["iptables-save >/var/lib/rules && iptables -F && sleep 0.2 && iptables-restore /var/lib/rules"]
    }
  }

  var stop: String {
    switch self {
    case .firewalld: "systemctl stop firewalld"
    case .ufw: "ufw --force disable"
    case .docker: "iptables -P FORWARD ACCEPT && iptables -F && iptables -X"
    case .iptables: "echo flush ruleset | nft -f -"
    }
  }

  /// How the finding begins.
  var chain: String {
    switch self {
    case .firewalld: "chain filter_FORWARD of nftables table inet firewalld drops all that comes to its end"
    case .ufw, .docker: "chain FORWARD of nftables table ip filter has policy drop"
    case .iptables: "chain FORWARD of nftables table ip filter drops all that comes to its end"
    }
  }
}
