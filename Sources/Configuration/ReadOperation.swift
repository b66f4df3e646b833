import Model

// zerotier, status, metrics, reconcile and log.

extension ZeroTierSettings {
  /// Reads `zerotier:`; nil when something was reported.
  init?(_ root: Section) {
    let expected = "networkID"
    guard root.holds("zerotier") else {
      root.missing("zerotier", expected: "a mapping with \(expected)")
      return nil
    }
    let settings = root.section("zerotier", holding: expected) { section -> ZeroTierSettings? in
      let networkID = section.required("networkID", .networkID)
      let api = section.value("api", .api)
      let token =
        section.value("authTokenFile", .absolutePath(atMost: 4095)) ?? ZeroTierSettings.standardTokenFile
      let poll = section.value("pollInterval", .duration(.milliseconds(100) ... .seconds(600))) ?? .seconds(2)
      let interface = section.value("interface", .interface)
      return networkID.map {
        ZeroTierSettings(
          networkID: $0, api: api, authTokenFile: token, pollInterval: poll, interface: interface)
      }
    }
    guard let settings, let settings else { return nil }
    self = settings
  }
}

extension StatusSettings {
  init(_ root: Section) {
    let standard = StatusSettings()
    self =
      root.section("status", holding: "socket and group") { section in
        StatusSettings(
          // `sun_path` has 108 bytes, and the last one is 0 (unix(7)).
          socket: section.value("socket", .absolutePath(atMost: 107)) ?? standard.socket,
          group: section.value("group", .group))
      } ?? standard
  }
}

extension MetricsSettings {
  init(_ root: Section) {
    self =
      root.section("metrics", holding: "listen") { $0.value("listen", .listen) ?? .standard } ?? .standard
  }
}

extension ReconcileSettings {
  init(_ root: Section) {
    let standard = ReconcileSettings()
    self =
      root.section("reconcile", holding: "resyncInterval and configPollInterval") { section in
        let resync = section.value("resyncInterval", .duration(.seconds(1) ... .seconds(3600)))
        let poll = section.value("configPollInterval", .duration(.milliseconds(100) ... .seconds(600)))
        return ReconcileSettings(
          resyncInterval: resync ?? standard.resyncInterval,
          configPollInterval: poll ?? standard.configPollInterval)
      } ?? standard
  }
}

extension LogSettings {
  init(_ root: Section) {
    let standard = LogSettings()
    self =
      root.section("log", holding: "level and format") { section in
        LogSettings(
          level: section.value("level", .word) ?? standard.level,
          format: section.value("format", .word) ?? standard.format)
      } ?? standard
  }
}
