/// Completion for zsh(1): a function for `fpath`, or to be sourced after compinit.
enum ZshCompletion {
  static var text: String {
    head + Invocation.Command.allCases.map { "    \(described($0))\n" }.joined() + middle
      + Invocation.Command.allCases.flatMap(arguments).map { "        \($0)\n" }.joined() + tail
  }

  private static func described(_ command: Invocation.Command) -> String {
    "\(command.rawValue):\(command.about.escaping([":", "\\"]))".singleQuoted
  }

  private static func arguments(of command: Invocation.Command) -> [String] {
    let specifications =
      (command.options + CommandOption.common).map(specification)
      + command.operands.enumerated().map { place, operand in
        "\(place + 1):word:"
          + (operand.words.map { "(\($0.joined(separator: " ")))" } ?? "_liteboxd-agent_exits")
      }
    return ["\(command.rawValue)) _arguments \\"]
      + specifications.map { "  \($0.singleQuoted) \\" } + ["  && return ;;"]
  }

  private static func specification(_ option: CommandOption) -> String {
    let about = "[\(option.about.escaping(["[", "]", ":", "\\"]))]"
    return switch option.value {
    case nil: option.name + about
    case .path: "\(option.name)=\(about):path:_files"
    case .node: "*\(option.name)=\(about):node:_liteboxd-agent_node"
    case .text: "\(option.name)=\(about):value: "
    }
  }

  private static let head = #"""
    #compdef liteboxd-agent
    # zsh completion for liteboxd-agent, made by "liteboxd-agent completion zsh"

    _liteboxd-agent_exits() {
      local -a places names
      local i
      for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
          --config=* | --socket=*) places+=(${(Q)words[i]}) ;;
          --config | --socket) places+=($words[i] ${(Q)words[i+1]}) ;;
        esac
      done
      names=(${(f)"$($program completion exits $places 2>/dev/null)"})
      _wanted exits expl exit compadd -a names
    }

    _liteboxd-agent_node() {
      if compset -P '*='; then _files; else _message 'NAME or NAME=PATH'; fi
    }

    _liteboxd-agent() {
      local curcontext=$curcontext program=${(Q)words[1]} state line expl
      local -a commands
      commands=(

    """#

  private static let middle = #"""
      )
      _arguments -C \
        '(- *)--help[the overview]' \
        '(- *)--version[version, commit, kernel features found]' \
        '1:command:->command' \
        '*::argument:->argument' && return
      case $state in
        command) _describe -t commands command commands && return ;;
        argument)
          curcontext=${curcontext%:*}-$words[1]:
          case $words[1] in

    """#

  private static let tail = #"""
          esac ;;
      esac
      return 1
    }

    if [[ $funcstack[1] == _liteboxd-agent ]]; then
      _liteboxd-agent "$@"
    else
      compdef _liteboxd-agent liteboxd-agent
    fi

    """#
}
