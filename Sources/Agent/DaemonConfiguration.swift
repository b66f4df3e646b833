import Configuration
import EventLoop
import Glibc
import Reconciliation
import Report
import ZeroTier

/// What became of a request to take the configuration file.
enum ReloadResult {
  case applied
  case unchanged
  case refused(String)
}

extension Daemon {
  /// Takes the file as it is now. One that cannot be used changes nothing: the last good one stays in force.
  func reload(because cause: String) -> ReloadResult {
    watch?.settle()
    do throws(ConfigurationErrors) {
      return try take(loadConfiguration(at: options.configurationPath), because: cause)
    } catch {
      let text = "\(error)"
      if configurationError != text {
        log.write(
          .error, "configuration refused: \(text)", [("cause", cause), eventField(.configurationRefused)])
        record(.configurationRefused(cause: cause, error: text))
      }
      configurationError = text
      tellService()
      return .refused(text)
    }
  }

  private func take(
    _ fresh: LoadedConfiguration, because cause: String
  ) throws(ConfigurationErrors) -> ReloadResult {
    guard fresh.sha256 != loaded.sha256 else {
      let hadError = configurationError != nil
      configurationError = nil
      if hadError { tellService() }
      return .unchanged
    }
    if fresh.configuration.zerotier.networkID == configuration.zerotier.networkID {
      try situation.refuseStrangers(in: fresh)
    }
    configurationError = nil
    let former = configuration
    loaded = fresh
    ledger.loadedAt = loop.now.sinceBoot
    do throws(EventLoopError) { try configure(replacing: former) } catch {
      log.write(.error, "taking the configuration: \(error)")
    }
    log.write(
      .notice, "configuration taken",
      [("cause", cause), ("sha256", fresh.sha256), eventField(.configurationTaken)])
    record(.configurationTaken(cause: cause, sha256: fresh.sha256))
    // Not only what is desired: an earlier configuration may have left anything anywhere.
    pass(.all, cause: .configuration)
    return .applied
  }

  /// Makes the parts that the configuration decides, as far as it differs from the former.
  func configure(replacing former: AgentConfiguration?) throws(EventLoopError) {
    log.configure(configuration.log)
    // Only once it is in the kernel: a next run takes over what the last good one left open.
    isSaved = false
    if let former, former.roleName != configuration.roleName { isRoleLeft = true }
    if former?.zerotier != configuration.zerotier { try configureZeroTier(former) }
    try configureProber(former)
    try configureWANProber(former)
    if former?.reconcile != configuration.reconcile { try configureTimers() }
    if former != nil { listenerTrigger?.trigger() }
  }

  /// Puts back the parameters that only the former role holds. Before the new configuration counts as the last good
  /// one, so that a run that is killed in between leaves it to the next.
  func leaveRole(for desired: DesiredState) {
    guard isRoleLeft else { return }
    isRoleLeft = false
    let held = Set(desired.sysctls.map(\.key))
    reconciler.forgetFormers(except: held)
    do throws(InstanceLock.Failure) {
      var record = try SysctlRecord()
      let lines = try record.restore(except: held)
      if !lines.isEmpty {
        log.write(
          .info, "put back what the former role had set", [("commands", lines.joined(separator: "; "))])
      }
    } catch {
      log.write(.warning, "putting back kernel parameters of the former role: \(error)")
    }
  }

  func saveLastGood() {
    isSaved = true
    do { try ConfigurationStore(directory: options.stateDirectory).save(loaded) } catch {
      log.write(.warning, "\(error)")
    }
  }

  private func configureZeroTier(_ former: AgentConfiguration?) throws(EventLoopError) {
    let settings = configuration.zerotier
    if let former, former.zerotier.networkID != settings.networkID {
      // Another network: nothing that was said of the former one holds.
      situation.word = .none
      situation.reportedInterface = nil
      situation.report = nil
      situation.networks = []
    }
    zerotier = try ZeroTierClient(on: loop, .init(settings))
    zerotierTimer = try loop.every(settings.pollInterval) { [unowned self] in askZeroTier() }
    askZeroTier()
  }

  private func configureProber(_ former: AgentConfiguration?) throws(EventLoopError) {
    guard case .gateway(let gateway) = configuration.role else {
      prober = nil
      return
    }
    let before: GatewaySettings? = if case .gateway(let settings)? = former?.role { settings } else { nil }
    let isSamePath = before?.egressIP == gateway.egressIP && isSameLink(as: former)
    if isSamePath, before?.exits == gateway.exits, before?.probe == gateway.probe {
      if before?.spread != gateway.spread { _ = chooseExits(gateway) }
      return
    }
    if former != nil { carryOver(from: before, gateway, isSamePath ? .same : .another) }
    let known = prober?.records(of: gateway.exits) ?? [:]
    prober = try ExitProber(on: loop, gateway, log, knowing: known) { [unowned self] in probed($0, $1, $2) }
    prober?.isEager = situation.health.isEmpty
    if former != nil { _ = chooseExits(gateway) }
  }

  /// Whether the network and its link are those of the configuration before, however it called them.
  private func isSameLink(as former: AgentConfiguration?) -> Bool {
    guard let former, former.zerotier.networkID == configuration.zerotier.networkID else { return false }
    let reported = situation.reportedInterface
    return (former.zerotier.interface ?? reported) == (configuration.zerotier.interface ?? reported)
  }

  private enum Path { case same, another }

  /// What was learnt of an exit holds for its address on this path, and for what it was asked; a person's choice of an
  /// exit holds for its address wherever that is.
  private func carryOver(from before: GatewaySettings?, _ gateway: GatewaySettings, _ path: Path) {
    var names: [String: String] = [:]
    for exit in before?.exits ?? [] {
      if let same = gateway.exits.first(where: { $0.address == exit.address }) {
        names[exit.name] = same.name
      }
    }
    let checks = ExitHealth(gateway.probe).checks
    let kept = situation.health.filter { $0.value.checks == checks && path == .same && names[$0.key] != nil }
    situation.health = Dictionary(
      kept.map { (names[$0.key] ?? $0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    situation.exitProblems = [:]
    let pinned = situation.choice.pinned
    situation.choice.rename(names, in: gateway.exits)
    if path == .another { situation.choice.reset() }
    if let pinned, situation.choice.pinned != pinned { keepPin(from: pinned, to: situation.choice.pinned) }
  }

  /// The configuration has no exit with the pinned one's address any more, or calls it otherwise.
  private func keepPin(from former: String, to name: String?) {
    if name == nil {
      log.write(
        .warning, "the pinned exit is gone from the configuration; the agent chooses again",
        [("exit", former)])
    }
    let store = ConfigurationStore(directory: options.stateDirectory)
    do {
      guard try store.loadPinnedExit(for: options.configurationPath) == former else { return }
      try store.savePinnedExit(name, for: options.configurationPath)
    } catch {
      log.write(.warning, "\(error)")
    }
  }

  private func configureTimers() throws(EventLoopError) {
    let settings = configuration.reconcile
    resyncTimer = try loop.every(settings.resyncInterval) { [unowned self] in
      pass(.resync, cause: .interval)
      configureListeners()
    }
    watch = try ConfigurationWatch(
      on: loop, path: options.configurationPath, pollInterval: settings.configPollInterval
    ) { [unowned self] in
      _ = reload(because: "file changed")
      // A file that could not be read may be readable without having changed.
      return configurationError == nil ? .settled : .again
    }
  }
}

extension ZeroTierClient.Settings {
  init(_ settings: ZeroTierSettings) {
    self.init(
      network: settings.networkID, endpoint: settings.api.map { .init($0.host, port: $0.port) },
      authTokenFile: settings.authTokenFile)
  }
}
