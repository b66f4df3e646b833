import Model

// Sections that every role has and that may be left out whole.

extension StatusSettings {
  init(_ section: Value?) {
    self.init()
    guard let fields = section.flatMap({ Fields($0) }) else { return }
    // sun_path of unix(7), with its zero.
    if let path = fields.optional("socket")?.path(shorterThan: 108) { socket = path }
    group = fields.optional("group")?.parsed("a group's name") { Self.isGroupName($0) ? $0 : nil }
    fields.finish()
  }

  private static func isGroupName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count) && text.first != "-"
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-.$".unicodeScalars.contains($0))
      }
  }
}

extension MetricsSettings {
  init(_ section: Value?) {
    self = .standard
    guard let fields = section.flatMap({ Fields($0) }) else { return }
    let listen = fields.optional("listen")?.parsed("off, or an address with a port such as 127.0.0.1:9479") {
      text -> MetricsSettings? in
      if text == "off" { return .off }
      return SocketText.parse(text).map { .listen($0.host, port: $0.port) }
    }
    if let listen { self = listen }
    fields.finish()
  }
}

extension ReconcileSettings {
  init(_ section: Value?) {
    self.init()
    guard let fields = section.flatMap({ Fields($0) }) else { return }
    if let interval = fields.optional("resyncInterval")?.duration(.seconds(1) ... .seconds(3600)) {
      resyncInterval = interval
    }
    if let interval = fields.optional("configPollInterval")?.duration(.milliseconds(100) ... .seconds(600)) {
      configPollInterval = interval
    }
    fields.finish()
  }
}

extension LogSettings {
  init(_ section: Value?) {
    self.init()
    guard let fields = section.flatMap({ Fields($0) }) else { return }
    if let word = fields.optional("level")?.word(LogLevel.self) { level = word }
    if let word = fields.optional("format")?.word(LogFormat.self) { format = word }
    fields.finish()
  }
}
