/// Completion for fish(1), from version 3 on.
enum FishCompletion {
  static var text: String {
    head
      + ([
        offer(at: 0, "-l help", "the overview"), offer(at: 0, "-l version", Invocation.Command.version.about),
      ]
      + Invocation.Command.allCases.map { offer(at: 0, "-a \($0.rawValue)", $0.about) }
      + Invocation.Command.allCases.flatMap(command))
      .map { $0 + "\n" }.joined()
  }

  private static func command(_ command: Invocation.Command) -> [String] {
    let options = (command.options + CommandOption.common).map { option in
      offer(of: command, "-l \(option.name.dropFirst(2))\(value(of: option))", option.about)
    }
    return options
      + command.operands.enumerated().map { place, operand in
        let words = operand.words?.joined(separator: " ") ?? "(__liteboxd_agent_exits)"
        return offer(at: place + 1, of: command, "-a '\(words)'")
      }
  }

  private static func value(of option: CommandOption) -> String {
    switch option.value {
    case nil: ""
    case .path: " -r -F"
    case .node: " -r -a '(__liteboxd_agent_node)'"
    case .text: " -x"
    }
  }

  /// - Parameter place: how many operands there are before it; nil: any number.
  private static func offer(
    at place: Int? = nil, of command: Invocation.Command? = nil, _ what: String, _ about: String? = nil
  ) -> String {
    let condition = "\(place.map(String.init) ?? "any")\(command.map { " \($0.rawValue)" } ?? "")"
    let description = about.map { " -d '\($0.escaping(["'", "\\"]))'" } ?? ""
    return "complete -c liteboxd-agent -n '__liteboxd_agent_at \(condition)' \(what)\(description)"
  }

  private static var head: String {
    let valued = Invocation.Command.optionNames { _ in true }.joined(separator: " ")
    let paths = Invocation.Command.optionNames { $0 == .path }
    return #"""
      # fish completion for liteboxd-agent, made by "liteboxd-agent completion fish"

      # The command and its operands so far.
      function __liteboxd_agent_operands
          set -l option
          for word in (commandline -opc)[2..]
              if set -q option[1]
                  set -e option
              else if contains -- $word \#(valued)
                  set option $word
              else if not string match -q -- '-*' $word
                  echo $word
              end
          end
      end

      # Whether there are so many operands, and the first is that command.
      function __liteboxd_agent_at -a count command
          set -l operands (__liteboxd_agent_operands)
          test $count = any -o $count = (count $operands)
          and test -z "$command" -o "$command" = "$operands[1]"
      end

      function __liteboxd_agent_exits
          set -l words (commandline -opc)
          set -l places
          for i in (seq 2 (count $words))
              switch $words[$i]
                  case \#(paths.map { "'\($0)=*'" }.joined(separator: " "))
                      set -a places $words[$i]
                  case \#(paths.joined(separator: " "))
                      set -a places $words[$i] $words[(math $i + 1)]
              end
          end
          $words[1] completion exits $places 2>/dev/null
      end

      # NAME=PATH: the path of what is under way.
      function __liteboxd_agent_node
          set -l halves (string split -m 1 = -- (string replace -r '^--node=' '' -- (commandline -ct)))
          and printf '%s\n' $halves[1]=(complete -C "'' $halves[2]" | string replace -r '\t.*' '')
      end

      complete -c liteboxd-agent -f

      """#
  }
}
