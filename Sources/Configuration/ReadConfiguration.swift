// From the tree to the values: this file reads the top level, one other file each section.

extension AgentConfiguration {
  /// Reads and checks the text of a configuration file. `path` is for messages only.
  public init(parsing text: [UInt8], path: String) throws(ConfigurationErrors) {
    self = try ParsedConfiguration(text, path: path).configuration
  }
}

/// A configuration, and what should be said about it.
struct ParsedConfiguration {
  let configuration: AgentConfiguration
  let warnings: [ConfigurationWarning]

  init(_ text: [UInt8], path: String) throws(ConfigurationErrors) {
    let diagnostics = Diagnostics(path: path)
    let root = YAMLTree.root(of: text, diagnostics)
    // What is said of a tree with holes in it would mislead.
    try diagnostics.settle()
    let configuration = AgentConfiguration(root, diagnostics)
    try diagnostics.settle()
    guard let configuration else { throw ParsedConfiguration.unexplained(path) }
    self.configuration = configuration
    warnings = diagnostics.warnings
  }

  /// Every reader that gives nothing has reported why, so that this is never seen.
  private static func unexplained(_ path: String) -> ConfigurationErrors {
    ConfigurationErrors(
      ConfigurationError(
        path: path, position: .start, key: "",
        problem: "cannot be used for an unknown reason; report this as a defect",
        suggestion: nil))
  }
}

extension AgentConfiguration {
  /// nil when something was reported.
  fileprivate init?(_ root: YAMLNode?, _ diagnostics: Diagnostics) {
    let nothing = YAMLNode(position: .start, content: .mapping([]))
    let place = Place(position: .start, key: .root)
    guard let section = Section(root.orEmpty(nothing), at: place, diagnostics, holding: "role and zerotier")
    else { return nil }
    let role = Role(section)
    let zerotier = ZeroTierSettings(section)
    let status = StatusSettings(section)
    let metrics = MetricsSettings(section)
    let reconcile = ReconcileSettings(section)
    let log = LogSettings(section)
    section.reportUnknownKeys()
    guard let role, let zerotier else { return nil }
    self.init(
      role: role, zerotier: zerotier, status: status, metrics: metrics, reconcile: reconcile, log: log)
  }
}

extension YAMLNode? {
  /// A document without anything in it is a mapping without keys, so that what is missing is named.
  fileprivate func orEmpty(_ nothing: YAMLNode) -> YAMLNode {
    guard let self else { return nothing }
    if case .scalar(let scalar) = self.content, scalar.isNull { return nothing }
    return self
  }
}

extension Role {
  /// Reads the section that belongs to the role, and refuses the other's.
  fileprivate init?(_ root: Section) {
    guard let name = root.required("role", Form<RoleName>.word) else {
      // Neither section is wrong as long as nobody knows which is meant; what is in them may be.
      _ = GatewaySettings(root, presence: .optional)
      _ = CloudSettings(root, presence: .optional)
      return nil
    }
    let other = name.other.rawValue
    root.refuse(
      other, because: "this section belongs to role: \(other), and role is \(name.rawValue); remove it")
    switch name {
    case .gateway:
      guard let gateway = GatewaySettings(root, presence: .required) else { return nil }
      self = .gateway(gateway)
    case .cloud:
      guard let cloud = CloudSettings(root, presence: .required) else { return nil }
      self = .cloud(cloud)
    }
  }
}

/// Whether a section has to be in the file.
enum Presence { case required, optional }
