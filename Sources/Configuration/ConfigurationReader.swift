import Model

extension AgentConfiguration {
  /// Reads the text of a configuration file. `path` is for messages alone.
  public init(parsing text: [UInt8], path: String) throws(ConfigurationErrors) {
    let diagnostics = Diagnostics(path: path)
    let start = Place(position: .start, key: .root)
    let root = YAMLTree.root(of: text, diagnostics)
    try diagnostics.settle()
    let empty = YAMLNode(position: .start, content: .mapping([]))
    let value = Value(node: root ?? empty, place: start, keyPosition: .start, diagnostics: diagnostics)
    let configuration = Fields(value).flatMap { AgentConfiguration($0) }
    try diagnostics.settle()
    guard let configuration else {
      // Whatever gives nil has reported why; this keeps the promise even if one forgets.
      throw ConfigurationErrors(
        ConfigurationError(path: path, position: .start, key: "", problem: "incomplete", suggestion: nil))
    }
    self = configuration
  }

  private init?(_ fields: Fields) {
    let roleName = fields.required("role", "gateway or cloud")?.word(RoleName.self)
    let zerotier = fields.required("zerotier", "a mapping with networkID").flatMap { Fields($0) }.flatMap {
      ZeroTierSettings($0)
    }
    let role = roleName.flatMap { Role($0, fields) }
    if roleName == nil { Role.readBoth(fields) }
    self.init(
      status: StatusSettings(fields.optional("status")), metrics: MetricsSettings(fields.optional("metrics")),
      reconcile: ReconcileSettings(fields.optional("reconcile")), log: LogSettings(fields.optional("log")),
      role: role, zerotier: zerotier)
    fields.finish()
  }

  private init?(
    status: StatusSettings, metrics: MetricsSettings, reconcile: ReconcileSettings, log: LogSettings,
    role: Role?,
    zerotier: ZeroTierSettings?
  ) {
    guard let role, let zerotier else { return nil }
    self.init(
      role: role, zerotier: zerotier, status: status, metrics: metrics, reconcile: reconcile, log: log)
  }
}

extension Role {
  /// Without a role that can be read, whatever sections there are still tell of their own errors.
  fileprivate static func readBoth(_ fields: Fields) {
    _ = fields.optional(RoleName.gateway.rawValue).flatMap { Fields($0) }.flatMap { GatewaySettings($0) }
    _ = fields.optional(RoleName.cloud.rawValue).flatMap { Fields($0) }.flatMap { CloudSettings($0) }
  }

  fileprivate init?(_ name: RoleName, _ fields: Fields) {
    fields.optional(name.other.rawValue)?.reportKey(
      "role is \(name.rawValue), so this section has no effect; remove it or change role")
    guard let section = fields.required(name.rawValue, "the settings of this role").flatMap({ Fields($0) })
    else {
      return nil
    }
    switch name {
    case .gateway:
      guard let settings = GatewaySettings(section) else { return nil }
      self = .gateway(settings)
    case .cloud:
      guard let settings = CloudSettings(section) else { return nil }
      self = .cloud(settings)
    }
  }
}

extension ZeroTierSettings {
  fileprivate init?(_ fields: Fields) {
    let network = fields.required("networkID", "16 hexadecimal digits")?.parsed("16 hexadecimal digits") {
      ZeroTierNetworkID($0)
    }
    let api = fields.optional("api")?.parsed(
      "http:// and a loopback address with a port, such as http://127.0.0.1:9993"
    ) {
      Self.endpoint($0)
    }
    let token = fields.optional("authTokenFile")?.path()
    let poll = fields.optional("pollInterval")?.duration(.milliseconds(100) ... .seconds(600))
    let interface = fields.optional("interface")?.interfaceName()
    fields.finish()
    guard let network else { return nil }
    self.init(
      networkID: network, api: api, authTokenFile: token ?? Self.standardTokenFile,
      pollInterval: poll ?? .seconds(2), interface: interface)
  }

  private static func endpoint(_ text: String) -> APIEndpoint? {
    guard text.hasPrefix("http://") else { return nil }
    var rest = text.dropFirst("http://".count)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard let (host, port) = SocketText.parse(rest) else { return nil }
    let loopback: [CIDR] = [.ipv4(127, 0, 0, 0, 8), CIDR(IPAddress(family: .ipv6, bits: 1))]
    return loopback.contains { $0.contains(host) } ? APIEndpoint(host: host, port: port) : nil
  }
}
