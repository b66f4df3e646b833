/// Completion for bash(1), from version 4 on, with or without the package bash-completion.
enum BashCompletion {
  static var text: String { head + cases.map { "    \($0) ;;\n" }.joined() + tail }

  /// By the number of operands so far, the first of them (the command), and the word under way.
  private static var cases: [String] {
    let commands = Invocation.Command.allCases
    let names = commands.map(\.rawValue).joined(separator: " ")
    return ["0,,-*) offered=(--help --version)", "0,,*) offered=(\(names))"]
      + commands.map { command in
        let options = (command.options + CommandOption.common).map(\.name).joined(separator: " ")
        return "*,\(command.rawValue),-*) offered=(\(options))"
      } + commands.flatMap(operands)
  }

  private static func operands(of command: Invocation.Command) -> [String] {
    command.operands.enumerated().map { place, operand in
      let pattern = "\(place + 1),\(command.rawValue),*)"
      guard let words = operand.words else { return "\(pattern) \(askForExits)" }
      return "\(pattern) offered=(\(words.joined(separator: " ")))"
    }
  }

  private static let askForExits =
    #"mapfile -t offered < <("${COMP_WORDS[0]}" completion exits "${places[@]}" 2>/dev/null)"#

  private static var head: String {
    let valued = Invocation.Command.optionNames { _ in true }.joined(separator: " | ")
    let paths = Invocation.Command.optionNames { $0 == .path }
    return #"""
      # bash completion for liteboxd-agent, made by "liteboxd-agent completion bash"

      _liteboxd_agent() {
        local word=${COMP_WORDS[COMP_CWORD]} option='' last='' i
        local -a operands=() places=() offered=()
        # Bash makes a word of each "=".
        for ((i = 1; i < COMP_CWORD; i++)); do
          last=${COMP_WORDS[i]}
          if [[ -n $option && $last != = ]]; then
            case $option in \#(paths.joined(separator: " | "))) places+=("$option" "$last") ;; esac
            option=''
          elif [[ -z $option ]]; then
            case $last in
              \#(valued)) option=$last ;;
              = | -*) ;;
              *) operands+=("$last") ;;
            esac
          fi
        done
        if [[ $word == = ]]; then
          last=$word
          word=''
        fi
        # A path, or the one in NAME=PATH.
        if [[ \#(paths.map { "$option == \($0) ||" }.joined(separator: " ")) -z $option && $last == = ]]; then
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
          return
        fi
        COMPREPLY=()
        [[ -z $option ]] || return
        case ${#operands[@]},${operands[0]-},$word in

      """#
  }

  private static let tail = #"""
      esac
      mapfile -t COMPREPLY < <(compgen -W "${offered[*]}" -- "$word")
    }

    complete -F _liteboxd_agent liteboxd-agent

    """#
}
