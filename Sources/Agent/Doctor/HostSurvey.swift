import Configuration
import Doctor
import Glibc
import Kernel
import Model
import Reconciliation
import Report

/// Looks at all of a host that `doctor` judges, with a daemon or without one. Changes nothing: it reads, asks, and sends
/// echo requests and one datagram that dies at the next hop.
struct HostSurvey {
  private let tool: Tool
  private let kernel: Kernel
  /// Only what nobody could know otherwise is told of beside the page.
  private let log = Log(level: .error)

  init(_ tool: Tool) throws {
    self.tool = tool
    kernel = try Kernel()
  }

  func run() throws -> HostObservations {
    var host = HostObservations(configurationReading)
    host.seenAt = wallClock()
    host.missingPrivileges = Tool.missingCapabilities([.networkAdministration, .rawNetwork])
    host.daemon = DaemonSurvey(tool).run()
    HostFiles.survey(&host)
    host.kernel = KernelReading(
      release: KernelRelease.running.text, isTooOld: KernelRelease.running.isOlder(than: (5, 10)))
    host.recipe = recipe(host.missingPrivileges)
    let seen = try kernel.observe(Question([.links, .addresses, .mainDefaults]))
    host.rules = Reading { try kernel.observe(Question(.rules)).rules?.map(\.rule) ?? [] }
    host.localRoutes = Reading { try kernel.observe(Question(.strangeLocals)).strangeLocals ?? [] }
    host.chains = Reading { try kernel.foreignForwardChains() }
    guard let configuration = host.configuration.inForce else { return host }
    try TunnelSurvey(tool, kernel, configuration, log).run(on: seen, &host)
    host.cilium = CiliumSurvey.run(kernel, seen, host)
    LeakTest(kernel, configuration, seen).run(&host)
    return host
  }

  private var configurationReading: ConfigurationReading {
    let path = tool.invocation.configurationPath
    do throws(ConfigurationErrors) {
      let loaded = try loadConfiguration(at: path)
      return .usable(loaded.configuration, path: path, warnings: loaded.warnings.map(\.description))
    } catch {
      guard let kept = try? tool.store.load(for: path) else { return .none(path: path, error: "\(error)") }
      return .lastGood(kept.configuration, path: path, error: "\(error)")
    }
  }

  /// iptables' programs want to be root.
  private func recipe(_ missing: [String]) -> Reading<[String]> {
    guard missing.isEmpty else { return .unknown("needs root") }
    return Reading { try SetupByHand.found(by: kernel) }
  }
}

extension Reading {
  /// What cannot be read is told with the reason.
  init(_ read: () throws -> Value) {
    do { self = .known(try read()) } catch {
      self = .unknown((error as? KernelError).map(\.whyUnread) ?? "\(error)")
    }
  }
}

extension KernelError {
  /// EPERM and EACCES are the asking process's own lack.
  var whyUnread: String {
    errno.map { [EPERM, EACCES].contains($0) } ?? false ? "needs root: \(self)" : "\(self)"
  }
}
