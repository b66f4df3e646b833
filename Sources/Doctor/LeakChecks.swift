import Model
import Report

// Whether a packet could leave past the tunnel: what the kernel says of its way, and what becomes of one.

extension HostObservations {
  /// Links by which such packets may leave.
  private func isAllowed(_ link: InterfaceName) -> Bool { link == tunnelLink?.name || link == .loopback }

  /// The lookup that Cilium's BPF does, too.
  var lookupJudgement: Judgement {
    lookups.judged { lookups in
      var ways: [String] = []
      var failures: [String] = []
      for lookup in lookups {
        switch lookup.answer {
        case .link(let link):
          guard isAllowed(link) else {
            return .failed(
              "LEAK: from \(lookup.source) to \(lookup.destination) leads out by \(link)", leakRemedy, .leaks)
          }
          if link != .loopback { ways.append("by \(link)") }
        case .dropped(let word): ways.append("dropped (\(word))")
        case .failed(let problem): failures.append(problem)
        }
      }
      guard !ways.isEmpty else { return .skipped(failures.first ?? "nothing was looked up") }
      let different = ways.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      return .passed("\(counted(lookups.count, "lookup", "lookups")): " + different.joined(separator: ", "))
    }
  }

  var packetJudgement: Judgement {
    packet.judged { packet in
      if let leak = packet.sightings.first(where: isLeak) {
        return .failed(
          "LEAK: a packet from \(packet.source) to \(packet.destination) left by \(leak.link) as \(leak.source)",
          leakRemedy, .leaks)
      }
      if let refusal = packet.refusal { return .passed("one from \(packet.source) was refused: \(refusal)") }
      guard let seen = packet.sightings.first(where: { $0.link != .loopback }) else {
        return .passed("one from \(packet.source) left by no link")
      }
      return .passed(
        "one from \(packet.source) left by \(seen.link)" + (cloud == nil ? "" : " as \(seen.source)"))
    }
  }

  /// A gateway's may leave by the tunnel alone, a cloud server's anywhere as somebody else.
  private func isLeak(_ sighting: PacketReading.Sighting) -> Bool {
    guard !isAllowed(sighting.link) else { return false }
    guard let cloud else { return true }
    let networks = (tunnel.value?.facts.networks ?? []) + cloud.sources
    return networks.contains { $0.contains(sighting.source) }
  }

  private var leakRemedy: String {
    if let desired = state.value?.desired, let rules = rules.value,
      let ahead = desired.rulesAhead(among: rules).first
    {
      return Finding(foreignRuleAhead: ahead).remedy
    }
    return status == nil
      ? "liteboxd-agent guard closes it at once; then systemctl start liteboxd-agent"
      : "liteboxd-agent plan shows what is missing, journalctl -u liteboxd-agent why"
  }
}
