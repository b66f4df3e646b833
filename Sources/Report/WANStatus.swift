import JSON
import Model

/// A cloud server's way to the Internet.
public struct WANStatus: Equatable, Sendable {
  public var interface: InterfaceName
  /// With their prefix, as the kernel has them.
  public var addresses: [String]
  /// Whether the main table's default route leads through it.
  public var hasDefaultRoute = true
  /// The router of that route; nil where the Internet is on the link itself, or no route is.
  public var gateway: IPAddress?
  /// Whether the link is up and its other end is there.
  public var hasCarrier = true
  /// Whether the Internet answers through it; nil where that is not asked, or not known yet.
  public var answers: Bool?
  /// Of the last round of probes, if that was answered.
  public var roundTripSeconds: Double?
  /// What is wrong with it; nil if nothing is known to be.
  public var problem: String?

  public init(interface: InterfaceName, addresses: [String]) {
    self.interface = interface
    self.addresses = addresses
  }

  /// Nothing that is known speaks against it.
  public var isUp: Bool { hasDefaultRoute && hasCarrier && answers != false }
}

extension WANStatus: StatusPart {
  func json() -> JSONValue {
    [
      "interface": .string(interface.text), "addresses": .array(addresses.map(JSONValue.string)),
      "defaultRoute": .bool(hasDefaultRoute), "gateway": gateway.map { .string($0.description) } ?? .null,
      "carrier": .bool(hasCarrier), "answers": answers.map(JSONValue.bool) ?? .null,
      "roundTripSeconds": roundTripSeconds.map(JSONValue.number) ?? .null,
      "problem": problem.map(JSONValue.string) ?? .null,
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    interface = try reader.required("interface", "an interface name") {
      $0.string.flatMap { InterfaceName($0) }
    }
    addresses = try reader.strings("addresses")
    hasDefaultRoute = try reader.bool("defaultRoute")
    gateway = try reader.optional("gateway", "an IP address") { $0.string.flatMap { IPAddress($0) } }
    hasCarrier = try reader.bool("carrier")
    answers = try reader.optional("answers", "true or false", \.bool)
    roundTripSeconds = try reader.seconds("roundTripSeconds")
    problem = try reader.optional("problem", "a string", \.string)
  }
}

extension WANStatus {
  /// On the page.
  var spans: [Span] {
    var spans = [Span(interface.text)]
    let isBare = addresses.isEmpty
    spans.append(
      isBare ? Span("without an address,", .bad) : Span("with \(addresses.joined(separator: ", ")),"))
    spans.append(way)
    if !hasCarrier { return spans + [Span("no carrier", .bad)] }
    switch answers {
    case true?: spans.append(Span("answers" + (roundTripSeconds.map { " in \(shortTime($0))" } ?? ""), .good))
    case false?: spans.append(Span("does not answer", .caution))
    case nil: spans.append(Span("link up"))
    }
    if let problem, hasDefaultRoute { spans.append(Span("(\(problem))", .caution)) }
    return spans
  }

  private var way: Span {
    guard hasDefaultRoute else { return Span("no default route,", .caution) }
    return Span(gateway.map { "router \($0)," } ?? "default route on the link,")
  }

  /// On the page's path: bad is what lets nothing through.
  var tone: Tone {
    if addresses.isEmpty || !hasCarrier { return .bad }
    return isUp ? .good : .caution
  }

  var state: String {
    if !hasCarrier { return "no carrier" }
    if answers == false { return "no answer" }
    return addresses.first ?? "no address"
  }
}
