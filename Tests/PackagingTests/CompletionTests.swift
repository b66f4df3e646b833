import Foundation
import TestPeers
import Testing

/// A shell, and how it is asked what it would offer behind a line.
struct CompletingShell: Sendable, CustomTestStringConvertible {
  let name: String
  /// What is installed for it.
  let script: String
  /// Its own program: `$1` is the script, `$2` the line; prints what is offered, one a line.
  let driver: String
  var options: [String] = []

  var testDescription: String { name }

  static let all = [bash, zsh, fish]

  /// Readline makes a word of each "=".
  private static let bash = CompletingShell(
    name: "bash", script: "config/completions/liteboxd-agent.bash",
    driver: """
      source "$1"
      read -ra COMP_WORDS <<<"${2//=/ = }"
      [[ $2 != *' ' ]] || COMP_WORDS+=('')
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      [[ $(complete -p liteboxd-agent) == *'-F _liteboxd_agent liteboxd-agent' ]] && _liteboxd_agent
      printf '%s\\n' "${COMPREPLY[@]}"
      """, options: ["--norc"])

  private static let fish = CompletingShell(
    name: "fish", script: "config/completions/liteboxd-agent.fish",
    driver: "source $argv[1]; complete -C $argv[2] | string replace -r '\\t.*' ''",
    options: ["--no-config"])

  /// Completes only in a line editor, so it gets a terminal. What it is offered is written down on the way.
  private static let zsh = CompletingShell(
    name: "zsh", script: "config/completions/_liteboxd-agent",
    driver: #"""
      zmodload zsh/zpty
      found=$(mktemp)
      zpty -b shell zsh -f -i
      zpty -w shell "fpath=(${(q)1:h} \$fpath); autoload -Uz compinit && compinit -D -u"
      zpty -w shell 'compadd() {
        if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
        local -a offered
        builtin compadd -A offered "$@"
        print -rl -- $offered >>'$found'
      }'
      zpty -w shell 'written-down() { zle complete-word; print END >>'$found' }'
      zpty -w shell 'zle -N written-down; bindkey "^X" written-down; print READY >>'$found
      until_there() {
        local -F end=$((SECONDS + 20))
        until grep -qx $1 $found; do
          zpty -r -t shell ignored || sleep 0.02
          ((SECONDS < end)) || { print -u2 "no $1 from zsh"; exit 1 }
        done
      }
      typeset -F SECONDS
      until_there READY
      zpty -w -n shell "$2"$'\C-x'
      until_there END
      grep -vx -e READY -e END $found
      zpty -d shell
      rm $found
      """#, options: ["-f"])

  /// What is offered behind the line; of paths and values the last part.
  func offers(behind line: String) throws -> Set<String> {
    try withTemporaryDirectory { home in
      let path = try #require(ProcessInfo.processInfo.environment["PATH"])
      let asked = try run(
        [
          "HOME=\(home.path)", "PATH=\(releaseDirectory):\(path)", name,
        ] + options + ["-c", driver] + (name == "fish" ? ["--"] : [name])
          + [packageRoot.appending(path: script).path, line])
      return Set(
        asked.output.split(separator: "\n").compactMap { word in
          word.split(whereSeparator: { "/=".contains($0) }).last.map(String.init)
        })
    }
  }
}

@Suite("Completion by the shells")
struct CompletionTests {
  @Test("what is installed is what the program prints", arguments: CompletingShell.all)
  func shipped(_ shell: CompletingShell) throws {
    let printed = try run(releaseBinary.path, "completion", shell.name)
    #expect(try printed.status == 0 && printed.output == text(of: shell.script))
  }

  @Test("the shell reads it without a remark", arguments: CompletingShell.all)
  func parsed(_ shell: CompletingShell) throws {
    let found = try run(shell.name, "-n", shell.script)
    #expect(found.status == 0 && found.output == "", "\(found.output)")
  }

  @Test("shellcheck finds nothing in bash's")
  func shellcheck() throws {
    let found = try run("shellcheck", "--shell=bash", "config/completions/liteboxd-agent.bash")
    #expect(found.status == 0, "\(found.output)")
  }

  static let lines: [(line: String, offered: Set<String>)] = [
    ("st", ["status"]), ("re", ["reload", "render"]), ("--v", ["--version"]), ("nothing", []),
    ("teardown --", ["--yes", "--restore-forwarding", "--config", "--socket", "--help"]),
    ("status --socket /s --j", ["--json"]), ("events --since 1h --f", ["--follow"]),
    ("events --since ", []), ("status x", []),
    ("render ", ["cilium-policy", "kustomization", "prometheus-rules", "grafana-dashboard"]),
    ("completion ", ["bash", "zsh", "fish"]), ("help pl", ["plan"]), ("exit ", ["use"]),
    ("exit use --config config/gateway.yaml ", ["cloud-a", "cloud-b", "auto"]),
    ("exit use --keep --config=config/gateway.yaml cloud-", ["cloud-a", "cloud-b"]),
    ("exit use --config config/cloud.yaml ", ["auto"]),
    ("check --config config/ga", ["gateway.yaml"]), ("check --config=config/ga", ["gateway.yaml"]),
    ("render cilium-policy --node node-1=config/ga", ["gateway.yaml"]),
  ]

  @Test("each shell offers what fits there, and nothing else", arguments: CompletingShell.all, lines)
  func offers(_ shell: CompletingShell, _ story: (line: String, offered: Set<String>)) throws {
    #expect(try shell.offers(behind: "liteboxd-agent \(story.line)") == story.offered)
  }

  @Test("each shell offers every command of the help", arguments: CompletingShell.all)
  func commands(_ shell: CompletingShell) throws {
    let help = try run(releaseBinary.path, "help").output.split(separator: "\n")
    let commands = help.filter { $0.hasPrefix("  ") && !$0.hasPrefix("  --") }.compactMap {
      $0.split(separator: " ").first.map(String.init)
    }
    #expect(try shell.offers(behind: "liteboxd-agent ") == Set(commands) && commands.count > 10)
  }

  @Test("the daemon names the exits, and none of its words is run by a shell", arguments: CompletingShell.all)
  func hostile(_ shell: CompletingShell) throws {
    let directory = TemporaryDirectory()
    let status = try text(of: "Tests/ReportTests/Golden/ready.json")
      .replacing("\"cloud-a\"", with: "\"$(touch \(directory.path)/run)\"")
    // Which ends the wait for a shell that does not ask, too.
    let listening = Peer(try directory.listeningSocket("socket"))
    let daemon = Thread {
      let client = Peer(accept(listening.fd, nil, nil))
      _ = client.receive(until: "\r\n\r\n")
      client.send(
        "HTTP/1.1 200 OK\r\nContent-Length: \(status.utf8.count)\r\nConnection: close\r\n\r\n\(status)")
    }
    let offered = try shell.offers(behind: "liteboxd-agent exit use --socket \(directory.path)/socket ")
    daemon.join()
    #expect(offered == ["cloud-b", "auto"])
    #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/run"))
  }

  @Test("without a daemon and a configuration there is no name but auto")
  func nameless() throws {
    let asked = try run(
      releaseBinary.path, "completion", "exits", "--config", "/nonexistent", "--socket", "/nonexistent")
    #expect(asked.output == "auto\n" && asked.status == 0)
  }
}
