/// Where the kernel would send a packet (`ip route get`).
public enum RouteAnswer: Hashable, Sendable {
  case interface(String)
  /// "Invalid argument": what a blackhole says.
  case blackhole
  case unreachable
  case prohibited
  /// Anything else, in iproute2's words.
  case error(String)
}

extension Lab {
  /// The gateway's answer for a packet from the egress IP that came in by the pod's link: the lookup that
  /// Cilium's BPF program does. No packet is sent.
  public func routeGet(
    _ destination: String, from source: String = Address.egress, iif: String? = "pod0"
  ) throws -> RouteAnswer {
    let arrival = iif.map { " iif \($0)" } ?? ""
    let words = "route get \(destination) from \(source)\(arrival)".split(separator: " ").map(String.init)
    let result = try Command(["ip", "-n", namespace(.gateway).name] + words).run()
    guard result.status == .exited(0) else { return RouteAnswer(refusal: result.stderr) }
    let answer = result.stdout.split(whereSeparator: \.isWhitespace)
    guard let place = answer.firstIndex(of: "dev"), place + 1 < answer.count else {
      return .error(result.stdout)
    }
    return .interface(String(answer[place + 1]))
  }
}

extension RouteAnswer {
  fileprivate init(refusal: String) {
    let known: [(String, RouteAnswer)] = [
      ("Invalid argument", .blackhole), ("No route to host", .unreachable),
      ("Network is unreachable", .unreachable), ("Permission denied", .prohibited),
    ]
    self = known.first { refusal.contains($0.0) }?.1 ?? .error(refusal)
  }
}
