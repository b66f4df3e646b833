/// Help, a page for each command.
enum HelpText {
  static let overview = """
    liteboxd-agent holds a host's routing and firewall so that sandbox traffic leaves through the tunnel or not at all.

    usage: liteboxd-agent COMMAND [OPTIONS]

    \(commands)

      --config PATH   default \(Invocation.defaultConfiguration)
      --socket PATH   default: the configuration's, else \(Invocation.defaultSocket)
      --help

    example: liteboxd-agent help plan

    """

  /// "  run         the daemon, …", each on a line.
  private static var commands: String {
    let width = Invocation.Command.allCases.map(\.title.count).max() ?? 0
    return Invocation.Command.allCases.map { command in
      let gap = String(repeating: " ", count: width + 2 - command.title.count)
      return "  \(command.title)\(gap)\(command.about)"
    }.joined(separator: "\n")
  }

  static func page(_ command: Invocation.Command) -> String {
    switch command {
    case .help: overview
    case .run:
      """
      usage: liteboxd-agent run [--config PATH] [--socket PATH]

      Holds the kernel at what the configuration says until SIGTERM or SIGINT; the kernel's state stays then, closed
      or open as it is. SIGHUP takes the configuration file at once.

      exit status: 0 stopped, 78 unusable configuration and no last good one, 1 otherwise
      example:     liteboxd-agent run --config /etc/liteboxd/agent.yaml

      """
    case .check:
      """
      usage: liteboxd-agent check [--config PATH]

      Validates a configuration. Needs no privilege and touches nothing.

      exit status: 0 usable, 78 not
      example:     liteboxd-agent check --config ./agent.yaml

      """
    case .plan:
      """
      usage: liteboxd-agent plan [--config PATH] [--socket PATH]

      Prints what run would change, as ip, nft and sysctl would be told, and changes nothing. Asks the daemon which
      exit it uses; without one it asks ZeroTier and probes the exits itself.

      exit status: 0 in sync, 2 changes pending, 1 error
      example:     liteboxd-agent plan

      """
    case .apply:
      """
      usage: liteboxd-agent apply [--config PATH]

      Makes one pass: asks ZeroTier, probes the exits, changes the kernel, reads it again. Refuses while a daemon runs.

      exit status: 0 the kernel is as wanted, 1 it is not, 78 unusable configuration
      example:     liteboxd-agent apply

      """
    case .guard:
      """
      usage: liteboxd-agent guard [--config PATH]

      Installs the fail-closed state alone, without ZeroTier, for early boot. A tunnel that is open stays open.

      exit status: 0 installed, 1 not, 78 unusable configuration and no last good one
      example:     liteboxd-agent guard

      """
    case .teardown:
      """
      usage: liteboxd-agent teardown [--yes] [--restore-forwarding]

      Removes everything that the agent owns, tunnel first and guard last, and puts kernel parameters back. From then
      on nothing keeps sandbox traffic from the uplink. Refuses while a daemon runs.

      --yes                   asks nothing
      --restore-forwarding    ip_forward too, which a gateway keeps otherwise: others on the node may rely on it

      exit status: 0 removed, 1 not
      example:     systemctl stop liteboxd-agent && liteboxd-agent teardown --yes

      """
    case .status:
      """
      usage: liteboxd-agent status [--json | --watch] [--socket PATH]

      Asks the running daemon and prints a page as wide as the terminal: the phase, its reasons with what to do about
      them, the way of the traffic, the exits with their last round trips, and what was repaired and dropped.

      --watch   draws it anew each second, until it is interrupted; waits for a daemon that is gone
      --json    one document, for programs

      Colours only on a terminal and not with NO_COLOR; ASCII alone where the locale or the terminal has no more.

      exit status: 0 ready, 1 degraded, 2 blocked, 3 no daemon; --watch: 128 and the number of the signal that ended it
      examples:    liteboxd-agent status --watch
                   liteboxd-agent status --json

      """
    case .events:
      """
      usage: liteboxd-agent events [--all | --since TIME] [--follow] [--json] [--socket PATH]

      Asks the running daemon for its history, which outlives restarts: drift that was repaired, with the change and who
      made it necessary if that is known; exits switched, phases changed, configurations taken and refused, events of the
      kernel lost, fights, starts and stops. Repairs that are alike are one event with a count. Without --all or --since
      the last 50.

      --all          all that there are, 1,000 at most
      --since TIME   from then on: 90s, 10m, 2h or 3d ago, or a moment such as 2026-11-21T09:00:00Z
      --follow       goes on and prints what is new, also after the daemon was started again
      --json         one document; with --follow one event a line

      exit status: 0 done, 3 no daemon
      examples:    liteboxd-agent events --since 10m
                   liteboxd-agent events --follow --json

      """
    case .doctor:
      """
      usage: liteboxd-agent doctor [--json] [--config PATH] [--socket PATH]

      Answers why sandboxes cannot reach the Internet, and whether anything leaks: makes every check of the plan's lists
      for acceptance and troubleshooting that can be made from this host, with a daemon or without one, and prints what
      is wrong first, with evidence and a command or a setting that mends it. Changes nothing. What needs root and is
      not made without it is listed as not checked.

      It sends echo requests to the exits, a connection to each server that probe.through names, and one datagram from
      the egress IP to 192.0.2.1, which nobody has, with a time to live of 1: seen leaving by any link but the tunnel,
      that is a leak.

      --json    one document, for programs

      exit status: 0 nothing failed, 1 something did
      examples:    liteboxd-agent doctor
                   liteboxd-agent doctor --json | jq -r '.checks[] | select(.outcome == "failed") | .id'

      """
    case .reload:
      """
      usage: liteboxd-agent reload [--json] [--socket PATH]

      Has the daemon take the configuration file now and reports what became of it.

      exit status: 0 taken or unchanged, 1 refused, 3 no daemon
      example:     liteboxd-agent reload

      """
    case .exit:
      """
      usage: liteboxd-agent exit use NAME [--keep] [--json] [--socket PATH]
             liteboxd-agent exit use auto [--json] [--socket PATH]

      Pins the traffic to one exit for maintenance; if that one fails, no other takes over. auto gives the choice back
      to the agent. An exit that does not work is refused, since it would block all traffic.

      --keep    also after a restart of the agent; else the pin is gone with it

      exit status: 0 done, 1 refused, 3 no daemon
      example:     liteboxd-agent exit use cloud-b

      """
    case .render:
      """
      usage: liteboxd-agent render cilium-policy --node NAME[=FILE]... [--cilium-version V] [--config PATH]
             liteboxd-agent render kustomization | prometheus-rules | grafana-dashboard

      Prints a generated file. Asks nobody and changes nothing.

      cilium-policy       the CiliumEgressGatewayPolicy for these gateways
      kustomization       the kustomization.yaml beside it, for kubectl apply -k
      prometheus-rules    alerts on the agents' metrics, with what to do about each
      grafana-dashboard   to be imported in Grafana, from version 10.1 on

      --node NAME=FILE    a gateway: its node's name in Kubernetes, and its agent's configuration. Without =FILE it is
                          that of --config. Once for each gateway; they must agree in excludedCIDRs
      --cilium-version V  1.16 or newer; without it 1.18, whose policies take several gateways. Older ones take one

      exit status: 0 printed, 78 a configuration that cannot be used, or several that contradict each other
      examples:    liteboxd-agent render cilium-policy --node $(hostname)
                   liteboxd-agent render cilium-policy --node node-1=one.yaml --node node-2=two.yaml
                   liteboxd-agent render prometheus-rules >/etc/prometheus/rules/liteboxd.yaml

      """
    case .adopt:
      """
      usage: liteboxd-agent adopt [--yes] [--network-id ID] [--config PATH]

      Finds what was set up by hand before there was an agent: on a gateway zt-egress-route.service, its rule and its
      routing table; on a cloud server zt-nat.service, its iptables entries, and those that are restored at boot. Prints
      the configuration that equals it, and says on standard error what --yes would do. Changes nothing without it.

      With --yes the agent's state goes in under traffic, is verified, and only then the old one is removed and the
      services are started. Run it again if it was interrupted. It ends with the commands that lead back.

      --network-id ID   16 hexadecimal digits; without it ZeroTier is asked which network it is

      exit status: 0 printed, taken over, or taken over before; 1 nothing found, contradictory, or a step failed
      examples:    liteboxd-agent adopt >agent.yaml && liteboxd-agent check --config agent.yaml
                   liteboxd-agent adopt --yes

      """
    case .completion:
      """
      usage: liteboxd-agent completion bash | zsh | fish
             liteboxd-agent completion exits [--config PATH] [--socket PATH]

      Prints what has the shell complete the commands, options and fixed words of this program. The package installs it
      where the shells look for it. exits prints the names that exit use takes, for which the shells ask: the running
      daemon's, else the configuration's.

      exit status: 0
      examples:    source <(liteboxd-agent completion bash)
                   liteboxd-agent completion zsh >/usr/local/share/zsh/site-functions/_liteboxd-agent
                   liteboxd-agent completion fish >~/.config/fish/completions/liteboxd-agent.fish

      """
    case .version:
      """
      usage: liteboxd-agent version

      Prints version, commit and what this kernel offers.

      exit status: 0
      example:     liteboxd-agent version

      """
    }
  }
}
