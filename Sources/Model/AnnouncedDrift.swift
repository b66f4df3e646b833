/// What others did to rules, routes and parameters, in the kernel's own announcements: as far as it can be undone by
/// what those say, before anything is read. It may be less than what they did: what is true is read afterwards.
public struct AnnouncedDrift: Sendable {
  public private(set) var deletedRules: [RoutingRule] = []
  public private(set) var deletedRoutes: [Route] = []
  /// That took the place of the first route with the same key.
  public private(set) var substitutes: [Route] = []
  /// As they were set.
  public private(set) var parameters: [Parameter] = []

  /// A parameter of one link, or of all, that the kernel announces.
  public struct Parameter: Hashable, Sendable {
    public enum Kind: Hashable, Sendable { case forwarding, reversePathFilter }
    public let kind: Kind
    /// nil: of all links.
    public let interface: InterfaceIndex?
    public let value: Int

    public init(_ kind: Kind, of interface: InterfaceIndex?, _ value: Int) {
      self.kind = kind
      self.interface = interface
      self.value = value
    }
  }

  /// Whoever does more at a time has it undone after a reading.
  public static let limit = 32

  public init() {}

  public var count: Int { deletedRules.count + deletedRoutes.count + substitutes.count + parameters.count }
  public var isEmpty: Bool { count == 0 }
  private var isFull: Bool { count >= Self.limit }

  public mutating func deleted(_ rule: RoutingRule) {
    if !isFull, !deletedRules.contains(rule) { deletedRules.append(rule) }
  }

  /// Whoever deleted it, or somebody else, made it anew.
  public mutating func added(_ rule: RoutingRule) {
    if let index = deletedRules.firstIndex(of: rule) { deletedRules.remove(at: index) }
  }

  public mutating func deleted(_ route: Route) {
    substitutes.removeAll { $0.key == route.key }
    if !isFull, !deletedRoutes.contains(route) { deletedRoutes.append(route) }
  }

  /// Where nothing stands any more, or in the place of what does.
  public mutating func added(_ route: Route, replacing: Replacing) {
    substitutes.removeAll { $0.key == route.key }
    let count = deletedRoutes.count
    deletedRoutes.removeAll { $0.key == route.key }
    guard replacing == .first || deletedRoutes.count < count, !isFull else { return }
    substitutes.append(route)
  }

  public mutating func set(_ parameter: Parameter) {
    parameters.removeAll { $0.kind == parameter.kind && $0.interface == parameter.interface }
    if !isFull { parameters.append(parameter) }
  }

  public enum Replacing: Sendable { case nothing, first }
}
