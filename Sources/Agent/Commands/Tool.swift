import CLinux
import Configuration
import Glibc
import Kernel
import Report

/// The command line tool: everything that a command needs from its process, and its exit statuses.
public struct Tool {
  enum ExitStatus {
    static let success: Int32 = 0
    static let failure: Int32 = 1
    static let changesPending: Int32 = 2
    static let noDaemon: Int32 = 3
    /// EX_USAGE (sysexits.h)
    static let usage: Int32 = 64
    /// EX_CONFIG
    static let configuration: Int32 = 78
  }

  let invocation: Invocation

  /// Runs the command and gives the process's exit status.
  public static func run(_ arguments: [String]) -> Int32 {
    do throws(Invocation.Misuse) {
      let invocation = try Invocation(arguments)
      if invocation.wantsHelp || invocation.command == .help {
        print(HelpText.page(invocation.command), to: 1)
        return ExitStatus.success
      }
      return Tool(invocation: invocation).run()
    } catch {
      complain("\(terminalSafe(error.message)); see liteboxd-agent help")
      return ExitStatus.usage
    }
  }

  private func run() -> Int32 {
    switch invocation.command {
    case .run: runDaemon()
    case .check: check()
    case .plan: plan()
    case .apply: apply()
    case .guard: installGuard()
    case .teardown: teardown()
    case .status: status()
    case .events: events()
    case .doctor: doctor()
    case .reload: reload()
    case .exit: useExit()
    case .render: render()
    case .adopt: adopt()
    case .completion: completion()
    case .version: version()
    case .help: ExitStatus.success
    }
  }

  static func complain(_ message: String) { print("liteboxd-agent: \(terminalSafe(message))\n", to: 2) }

  /// The configuration, or the exit status that its errors mean.
  func configuration() throws(Refused) -> LoadedConfiguration {
    try configuration(at: invocation.configurationPath)
  }

  func configuration(at path: String) throws(Refused) -> LoadedConfiguration {
    do throws(ConfigurationErrors) { return try loadConfiguration(at: path) } catch {
      for error in error.all { Tool.complain("\(error)") }
      throw Refused(status: ExitStatus.configuration)
    }
  }

  struct Refused: Error { let status: Int32 }

  /// systemd's state directory, or the same place without systemd.
  static var stateDirectory: String {
    let given = getenv("STATE_DIRECTORY").map { String(cString: $0) }
    return given?.split(separator: ":").first.map(String.init) ?? "/var/lib/liteboxd"
  }

  var store: ConfigurationStore { ConfigurationStore(directory: Tool.stateDirectory) }

  /// The configuration file, or the last good one in its place.
  func configurationOrLastGood(_ log: Log) throws(Refused) -> (LoadedConfiguration, problem: String?) {
    do throws(ConfigurationErrors) {
      return (try loadConfiguration(at: invocation.configurationPath), nil)
    } catch {
      let problem = "\(error)"
      do {
        if let kept = try store.load(for: invocation.configurationPath) {
          log.write(
            .error, "configuration refused, the last good one stays in force: \(problem)",
            [eventField(.configurationRefused)])
          return (kept, problem)
        }
      } catch {
        log.write(.error, "the last good configuration cannot be used either: \(error)")
      }
      for error in error.all { Tool.complain("\(error)") }
      throw Refused(status: ExitStatus.configuration)
    }
  }

  /// The same for a command that goes on without any: what is wrong with them is not its business.
  var readableConfiguration: LoadedConfiguration? {
    (try? loadConfiguration(at: invocation.configurationPath))
      ?? (try? store.load(for: invocation.configurationPath))
  }

  /// Which capability is missing, and for what. Nothing works without them, so they are asked for at once.
  static func missingCapabilities(_ wanted: Set<Capability>) -> [String] {
    var bits: UInt64 = 0
    guard clinux_effective_capabilities(&bits) == 0 else {
      return ["the process's capabilities cannot be read"]
    }
    return wanted.filter { bits >> $0.rawValue & 1 == 0 }.sorted { $0.rawValue < $1.rawValue }.map(
      \.complaint)
  }

  /// Raw values are bits (linux/capability.h).
  enum Capability: UInt64 {
    case networkAdministration = 12
    case rawNetwork = 13

    var complaint: String {
      switch self {
      case .networkAdministration:
        "CAP_NET_ADMIN is missing: it is needed for changing rules, routes and nftables"
      case .rawNetwork: "CAP_NET_RAW is missing: it is needed for probing the exits through the tunnel"
      }
    }
  }

  func demandCapabilities(_ wanted: Set<Capability>) throws(Refused) {
    let missing = Tool.missingCapabilities(wanted)
    guard !missing.isEmpty else { return }
    for text in missing { Tool.complain("\(text); run as root or grant it in the service") }
    throw Refused(status: ExitStatus.failure)
  }

  /// Runs a command's body; its errors become a message and an exit status.
  func attempt(_ body: () throws -> Int32) -> Int32 {
    do { return try body() } catch let refused as Refused {
      return refused.status
    } catch {
      Tool.complain("\(error)")
      return ExitStatus.failure
    }
  }
}
