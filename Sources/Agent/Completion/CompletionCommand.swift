import Model
import Report

/// What `completion` can print.
enum CompletionTopic: String, CaseIterable {
  case bash, zsh, fish
  /// Names of exits: the scripts ask for them.
  case exits

  static let shells = [bash, zsh, fish]
}

extension Invocation {
  func checkCompletion() throws(Misuse) {
    let shells = CompletionTopic.shells.map(\.rawValue).joined(separator: ", ")
    guard let word = operands.first else { throw Misuse(message: "completion: expected one of \(shells)") }
    guard CompletionTopic(rawValue: word) != nil else {
      throw Misuse(message: "completion: \"\(word)\" is none of \(shells)")
    }
  }
}

extension Tool {
  /// liteboxd-agent completion
  func completion() -> Int32 {
    switch invocation.operands.first.flatMap(CompletionTopic.init(rawValue:)) {
    case .bash: print(BashCompletion.text, to: 1)
    case .zsh: print(ZshCompletion.text, to: 1)
    case .fish: print(FishCompletion.text, to: 1)
    case .exits: print(exitNames.map { $0 + "\n" }.joined(), to: 1)
    case nil: return ExitStatus.usage
    }
    return ExitStatus.success
  }

  /// The daemon's exits, else the configuration's, and `auto`. Who may read neither gets no names: in the middle of
  /// somebody's command line there is no place to say why.
  private var exitNames: [String] {
    var names: [String] = []
    if let status = try? AgentStatus(json: ask(.get, "/status", timeout: .seconds(1))) {
      names = status.exits.map(\.name)
    } else if case .gateway(let gateway)? = readableConfiguration?.configuration.role {
      names = gateway.exits.map(\.name)
    }
    // Shells expand what they are offered.
    return names.filter { $0.shellWord == $0 } + ["auto"]
  }
}
