// The one table of commands, options and operands: the parser, the overview and the shells' completion read it.

/// An option, without what its value means to the command.
struct CommandOption: Equatable {
  /// What stands behind it.
  enum Value: Equatable {
    case path
    /// `NAME` or `NAME=PATH`
    case node
    /// Nothing that a shell could know.
    case text
  }

  let name: String
  /// nil: nothing stands behind it.
  private(set) var value: Value?
  let about: String

  init(_ name: String, _ value: Value, _ about: String) {
    self.name = name
    self.value = value
    self.about = about
  }

  /// One that stands alone.
  init(_ name: String, _ about: String) {
    self.name = name
    self.about = about
  }

  /// Those of every command.
  static let common = [
    CommandOption("--config", .path, "the configuration, else \(Invocation.defaultConfiguration)"),
    CommandOption("--socket", .path, "the daemon's socket, else the configuration's"),
    CommandOption("--help", "the command's page"),
  ]
}

/// A word behind the command that is no option.
enum Operand: Equatable {
  case oneOf([String])
  /// An exit's name, or `auto`.
  case exit
}

extension Invocation.Command {
  /// As the overview has it.
  var title: String { self == .exit ? "exit use" : rawValue }

  var about: String {
    switch self {
    case .run: "the daemon, in the foreground; what systemd starts"
    case .check: "validates a configuration; touches nothing"
    case .plan: "prints what run would change; changes nothing"
    case .apply: "one pass, then exits; refuses while a daemon runs"
    case .guard: "installs the fail-closed state alone, for early boot"
    case .teardown: "removes everything that the agent owns; needs --yes or a terminal"
    case .status: "asks the running daemon: 0 ready, 1 degraded, 2 blocked, 3 no daemon"
    case .events: "the last events: repairs, switches, refusals; --follow waits for more"
    case .doctor: "why sandboxes cannot reach the Internet, and whether anything leaks; changes nothing"
    case .reload: "takes the configuration file now"
    case .exit: "pins the traffic to one exit for maintenance, or frees it again"
    case .render: "prints a file for Cilium, Kustomize, Prometheus or Grafana"
    case .adopt: "finds what was set up by hand, prints the configuration that equals it; --yes takes over"
    case .completion: "prints what has bash, zsh or fish complete these words"
    case .version: "version, commit, kernel features found"
    case .help: "this page, or a command's: liteboxd-agent help plan"
    }
  }

  /// Beside the common ones.
  var options: [CommandOption] {
    switch self {
    case .teardown:
      [
        CommandOption("--yes", "asks nothing"),
        CommandOption("--restore-forwarding", "puts ip_forward back on a gateway too"),
      ]
    case .adopt:
      [
        CommandOption("--yes", "takes over"),
        CommandOption("--network-id", .text, "the ZeroTier network, so that ZeroTier is not asked"),
      ]
    case .status:
      [CommandOption("--json", "for programs"), CommandOption("--watch", "draws the page anew each second")]
    case .events:
      [
        CommandOption("--all", "all that there are, 1,000 at most"),
        CommandOption("--since", .text, "from then on: 10m, 2h, or 2026-11-21T09:00:00Z"),
        CommandOption("--follow", "goes on and prints what is new"),
        CommandOption("--json", "for programs"),
      ]
    case .doctor, .reload: [CommandOption("--json", "for programs")]
    case .exit:
      [CommandOption("--keep", "also after a restart of the agent"), CommandOption("--json", "for programs")]
    case .render:
      [
        CommandOption("--node", .node, "a gateway's node, and its agent's configuration"),
        CommandOption("--cilium-version", .text, "whose policies to write, 1.16 or newer"),
      ]
    case .run, .check, .plan, .apply, .guard, .completion, .version, .help: []
    }
  }

  /// In the order in which they have to stand.
  var operands: [Operand] {
    switch self {
    case .exit: [.oneOf(["use"]), .exit]
    case .render: [.oneOf(RenderedFile.allCases.map(\.rawValue))]
    case .completion: [.oneOf(CompletionTopic.shells.map(\.rawValue))]
    case .help: [.oneOf(Self.allCases.map(\.rawValue))]
    case .run, .check, .plan, .apply, .guard, .teardown, .status, .events, .doctor, .reload, .adopt,
      .version:
      []
    }
  }

  func option(named name: String) -> CommandOption? {
    (options + CommandOption.common).first { $0.name == name }
  }
}
