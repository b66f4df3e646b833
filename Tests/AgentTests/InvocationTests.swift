import Testing

@testable import Agent

@Suite("The command line")
struct InvocationTests {
  @Test("options stand anywhere behind the command, with = or a space")
  func options() throws {
    let invocation = try Invocation(["status", "--json", "--socket=/s", "--config", "/c"])
    #expect(invocation.command == .status && invocation.flags == ["--json"])
    #expect(invocation.socketPath == "/s" && invocation.configurationPath == "/c")
    let adopt = try Invocation(["adopt", "--network-id=33ffeb838b000001", "--yes"])
    #expect(adopt.networkID?.description == "33ffeb838b000001" && adopt.flags == ["--yes"])
    let render = try Invocation(
      ["render", "cilium-policy", "--node", "a=/a=b.yaml", "--node=b", "--cilium-version", "1.17.3"])
    #expect(render.operands == ["cilium-policy"] && render.ciliumVersion?.description == "1.17")
    #expect(render.nodes == [.init(name: "a", file: "/a=b.yaml"), .init(name: "b", file: nil)])
    let events = try Invocation(["events", "--since", "10m", "--follow", "--json"])
    #expect(events.since == .ago(seconds: 600) && events.flags == ["--follow", "--json"])
    let forced: Set<String> = ["--yes", "--restore-forwarding"]
    #expect(try Invocation(["teardown", "--restore-forwarding", "--yes"]).flags == forced)
    #expect(try Invocation(["help", "plan"]).wantsHelp)
    #expect(try Invocation(["plan", "--help"]).wantsHelp)
    #expect(try Invocation(["--version"]).command == .version)
  }

  private static let rendered = RenderedFile.allCases.map(\.rawValue).joined(separator: ", ")

  private static let exitUse = "exit: expected: exit use NAME, or exit use auto"

  @Test(
    "misuse is told in one line",
    arguments: [
      ([], "no command given"), (["stat"], "unknown command \"stat\""),
      (["doctor", "--fix"], "doctor: unknown argument \"--fix\""),
      (["events", "--since", "soon"], "--since needs a time such as 10m or 2026-11-21T09:00:00Z"),
      (["status", "--since=1m"], "status: unknown argument \"--since=1m\""),
      (["run", "--json"], "run: unknown argument \"--json\""),
      (["check", "--config"], "--config needs a path"),
      (["adopt", "--network-id", "33ffeb"], "--network-id needs a network ID of 16 hexadecimal digits"),
      (["run", "--network-id=33ffeb838b000001"], "run: unknown argument \"--network-id=33ffeb838b000001\""),
      (["render"], "render: expected one of \(rendered)"),
      (["render", "policy"], "render: \"policy\" is none of \(rendered)"),
      (
        ["render", "cilium-policy"],
        "render cilium-policy: needs --node NAME or --node NAME=FILE, for each gateway"
      ),
      (["render", "cilium-policy", "--node", "a="], "--node needs a node's name, or NAME=FILE"),
      (
        ["render", "cilium-policy", "--cilium-version=1.15"],
        "--cilium-version needs Cilium's version, 1.16 or newer"
      ),
      (
        ["render", "kustomization", "--node=a"],
        "render kustomization: --node and --cilium-version are for cilium-policy alone"
      ),
      (["plan", "--node=a"], "plan: unknown argument \"--node=a\""),
      (["check", "--config="], "--config needs a path"), (["status", "x"], "status: unknown argument \"x\""),
      (["completion"], "completion: expected one of bash, zsh, fish"),
      (["completion", "sh"], "completion: \"sh\" is none of bash, zsh, fish"),
      (["completion", "zsh", "fish"], "completion: unknown argument \"fish\""),
      (["help", "plans"], "help: unknown argument \"plans\""), (["exit", "use"], exitUse),
      (["exit", "uses", "cloud-a"], exitUse),
    ])
  func misuse(_ arguments: [String], _ message: String) {
    #expect(throws: Invocation.Misuse(message: message)) { try Invocation(arguments) }
  }

  @Test("every command has a page with its own example, that the program would take")
  func pages() throws {
    for command in Invocation.Command.allCases {
      let page = HelpText.page(command)
      #expect(page.contains("usage: liteboxd-agent") && page.hasSuffix("\n"))
      #expect(page.split(separator: "\n").allSatisfy { $0.count <= 120 })
      let examples = try examples(on: page)
      #expect(examples.contains { $0.first == command.rawValue }, "\(command)")
      for example in examples {
        #expect(throws: Never.self, "\(example)") { try Invocation(example) }
      }
    }
  }

  /// The arguments of each example: "example:  systemctl stop liteboxd-agent && liteboxd-agent teardown --yes".
  private func examples(on page: String) throws -> [[String]] {
    let lines = page.split(separator: "\n").drop { !$0.hasPrefix("example") }
    try #require(!lines.isEmpty)
    let words = lines.flatMap { line -> [Substring] in
      let text = line.hasPrefix(" ") ? line : line.drop { $0 != ":" }.dropFirst()
      return text.split(separator: " ") + ["&&"]
    }
    return words.split { $0 == "&&" }.compactMap { command in
      guard let program = command.firstIndex(where: { $0.hasSuffix("liteboxd-agent") }),
        program == command.startIndex || command[program] == "<(liteboxd-agent"
      else { return nil }
      let arguments = command[program...].dropFirst().prefix { !$0.hasPrefix(">") && $0 != "|" }
      return arguments.map { $0.hasSuffix(")") && !$0.hasPrefix("$") ? String($0.dropLast()) : String($0) }
    }
  }
}
