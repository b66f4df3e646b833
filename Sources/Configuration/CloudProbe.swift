import Model

/// `cloud.probe:`, how a cloud server finds out whether its way to the Internet answers.
public struct CloudProbeSettings: Equatable, Sendable {
  /// 1 to 8, without repetition; that any one of them answers is enough.
  public var targets: [CloudProbeTarget]
  /// 100 ms to 1 min.
  public var interval: Duration
  /// How long an answer may take, 10 ms to 1 min.
  public var timeout: Duration
  /// Rounds without an answer, in a row, after which the way counts as silent, 1 to 100.
  public var failAfter: Int
  /// Rounds with an answer, in a row, after which it counts as answering again, 1 to 100.
  public var recoverAfter: Int

  public init(
    through targets: [CloudProbeTarget], interval: Duration = .seconds(10), timeout: Duration = .seconds(2),
    failAfter: Int = 3, recoverAfter: Int = 2
  ) {
    self.targets = targets
    self.interval = interval
    self.timeout = timeout
    self.failAfter = failAfter
    self.recoverAfter = recoverAfter
  }

  /// Entries of `through:`.
  public static let mostTargets = 8
}

/// A TCP endpoint of the Internet, IPv4.
public struct CloudProbeTarget: Hashable, Sendable, CustomStringConvertible {
  public let address: IPAddress
  /// Never 0.
  public let port: UInt16

  public init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// As the file has it.
  public var description: String { "tcp://\(address):\(port)" }
}

extension CloudProbeSettings {
  /// Reads `probe:` of the section; nil when it is not there or was reported.
  /// - Parameter sources: addresses that lie in the tunnel, and so not behind the WAN.
  init?(_ cloud: Section, sources: [CIDR]) {
    let keys = "through, interval, timeout, failAfter and recoverAfter"
    let read = cloud.section("probe", holding: keys) { section -> CloudProbeSettings? in
      let targets = section.targets(outside: sources)
      let interval = section.value("interval", .duration(.milliseconds(100) ... .seconds(60)))
      let timeout = section.value("timeout", .duration(.milliseconds(10) ... .seconds(60)))
      let failAfter = section.value("failAfter", .number(1...100))
      let recoverAfter = section.value("recoverAfter", .number(1...100))
      guard let targets, !targets.isEmpty else { return nil }
      var settings = CloudProbeSettings(through: targets)
      if let interval { settings.interval = interval }
      if let timeout { settings.timeout = timeout }
      if let failAfter { settings.failAfter = failAfter }
      if let recoverAfter { settings.recoverAfter = recoverAfter }
      return settings
    }
    guard let read, let read else { return nil }
    self = read
  }
}

extension Section {
  fileprivate func targets(outside sources: [CIDR]) -> [CloudProbeTarget]? {
    let form = Form<CloudProbeTarget>.target
    guard holds("through") else {
      missing("through", expected: "a list of \(form.plural)")
      return nil
    }
    guard let found = list("through", of: form, atMost: CloudProbeSettings.mostTargets) else { return nil }
    if writtenItems("through") == 0 {
      diagnostics.report("empty; expected at least one target", at: place(of: "through"))
    }
    var targets: [CloudProbeTarget] = []
    for target in found {
      if let source = sources.first(where: { $0.contains(target.value.address) }) {
        diagnostics.report(
          "\(target.value.address) lies in \(source) of cloud.sources, and so in the tunnel; expected a host of the Internet",
          at: target.place)
      } else if targets.contains(target.value) {
        diagnostics.warn("\(target.value) stands in the list twice", at: target.place)
      } else {
        targets.append(target.value)
      }
    }
    return targets
  }
}

extension Form where Value == CloudProbeTarget {
  /// `tcp://1.1.1.1:443`. No names: a probe that needs a name server tells nothing about the way.
  fileprivate static var target: Form {
    let example = "tcp://1.1.1.1:443"
    var form = Form("a target such as \(example), an IPv4 address and a port") { (scalar) throws(Misfit) in
      let scheme = scalar.text.prefix { $0 != ":" }
      let rest = scalar.text.dropFirst(scheme.count)
      guard rest.hasPrefix("://") else {
        throw SocketText.split(scalar.text).map { .near("tcp://\(SocketText.join($0.host, $0.port))") }
          ?? .unlike
      }
      guard scheme == "tcp" else {
        throw .unusable("is not supported; expected a target such as \(example)")
      }
      guard let (host, port) = SocketText.split(rest.dropFirst(3)) else { throw .unlike }
      guard host.family == .ipv4 else {
        throw .unusable("has an IPv6 address, which is not supported yet; expected an IPv4 address")
      }
      if let kind = host.kindOfNoHost {
        throw .unusable("has an address that is \(kind); expected a host of the Internet, such as \(example)")
      }
      return CloudProbeTarget(address: host, port: port)
    }
    form.plural = "targets such as \(example)"
    return form
  }
}
