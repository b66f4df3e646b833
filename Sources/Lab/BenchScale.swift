import Glibc
import JSON

extension BenchPart {
  static let load = BenchPart(
    "load", "lists of 10 to 100,000: first load, full pass, a change of one element"
  ) { options in
    let sizes = options.isQuick ? [10, 1000] : [10, 1000, 100_000]
    return [
      try BenchScale(.cloudA, options).section(sizes), try BenchScale(.gateway, options).section(sizes),
    ]
  }
}

/// How one list of a node's configuration costs, by its length: on a cloud server that of the destinations it denies,
/// which is a set in nftables; on a gateway that of the excluded networks, which is a set and two tables of routes.
struct BenchScale {
  private let node: Node
  private let options: Bench.Options
  init(_ node: Node, _ options: Bench.Options) {
    self.node = node
    self.options = options
  }

  private struct Found {
    var load: BenchRow
    var rival: BenchRow
    var pass: BenchRow
    var written: BenchRow
    var verified: BenchRow
    var messages: BenchRow
    var all: [BenchRow] { [load, rival, pass, written, verified, messages] }
  }

  func section(_ sizes: [Int]) throws -> BenchSection {
    let what = node == .gateway ? "excluded networks" : "denied destinations"
    let found = try sizes.map { try measure($0, what) }
    var section = BenchSection("lists of \(what)", found.flatMap(\.all))
    section.notes = [
      "none of the networks touches another; the change adds one of them and takes it away again, in turn, and is timed "
        + "from the file's rename"
    ]
    guard let small = found.first, let large = found.last else { return section }
    section.goals = [
      BenchGoal(
        "\(sizes.last ?? 0) \(what): first load beside \(rivalTools)", .times, large.load.times(large.rival),
        .atMost(1)),
      BenchGoal(
        "\(what): kernel's changes for a change of one, at \(sizes.last ?? 0)", .count, large.messages.value,
        .atMost(small.messages.value ?? 0)),
      BenchGoal(
        "\(what): a change of one at \(sizes.last ?? 0) beside one at \(sizes.first ?? 0)", .times,
        large.verified.times(small.verified), .atMost(1.5)),
    ]
    return section
  }

  private var rivalTools: String { node == .gateway ? "nft -f and ip -batch" : "nft -f" }

  // MARK: One size

  private func measure(_ size: Int, _ what: String) throws -> Found {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    if node == .gateway { try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10)) }
    let program = try lab.agentProgram(on: node, configuration: try configuration(lab, size))
    // The rival alone takes some ten seconds.
    let rounds = size > 10_000 ? 1 : options.count(10, quick: 2)
    let loads = try lab.measureLoads(rounds, program)
    let lines = try VerifiedLines(at: "\(lab.directory)/verified")
    let agent = try lab.startAgent(
      on: node, configuration: try configuration(lab, size), wrapper: lines.wrapper)
    try agent.waitFor(phase: "ready", within: .seconds(60))
    let pass = try agent.fullPasses(options.count(3, quick: 1), every: .seconds(resync(size)))
    let changes = try self.changes(lab, agent, lines, size)
    let load = BenchRow("\(size) \(what): first load, exec to READY=1", loads)
    let rival = try rivalLoad(lab, size, rounds, "\(size) \(what): \(rivalTools) of the same")
    return Found(
      load: load.beside(rival, called: rivalTools), rival: rival,
      pass: BenchRow("\(size) \(what): full pass, nothing to do", pass),
      written: BenchRow("\(size) \(what): change of one, until it is in the kernel", changes.map(\.written)),
      verified: BenchRow("\(size) \(what): change of one, until it is read back", changes.map(\.verified)),
      messages: BenchRow(
        "\(size) \(what): change of one, what the kernel announced", .count,
        .spread(BenchSpread(changes.map { Double($0.messages) }))))
  }

  private typealias Change = (written: Duration, verified: Duration, messages: Int)

  private func changes(_ lab: Lab, _ agent: AgentProcess, _ lines: VerifiedLines, _ size: Int) throws
    -> [Change]
  {
    let texts = [try configuration(lab, size + 1), try configuration(lab, size)]
    let watch = try KernelWatch(node, in: lab)
    defer { try? watch.stop() }
    return try (0..<options.count(8, quick: 2)).map { round in
      _ = lines.changes()
      let start = try agent.program.rename(configuration: texts[round % 2])
      agent.signal(SIGHUP)
      guard
        eventually(within: .seconds(20), step: .microseconds(200), { lines.changes() > 0 ? true : nil })
          == true
      else { throw LabError("changing one of \(size) elements", "not done after 20 s") }
      let verified = Moment.now - start
      // The watch may take a moment longer than the agent.
      let heard: [KernelEvent]? = eventually(within: .seconds(2)) {
        let heard = watch.events(since: start).filter { $0.object == .nftables || $0.object == .route }
        return heard.isEmpty ? nil : heard
      }
      guard let heard, let last = heard.last else {
        throw LabError("changing one of \(size) elements", "nothing announced")
      }
      return (last.time - start, verified, heard.count)
    }
  }

  // MARK: Who else can

  private func rivalLoad(_ lab: Lab, _ size: Int, _ rounds: Int, _ name: String) throws -> BenchRow {
    let list = networks(size)
    let ruleset = "\(lab.directory)/rival.nft"
    try writeFile(
      ruleset,
      """
      table inet rival
      delete table inet rival
      table inet rival { set listed { type ipv4_addr; flags interval; elements = { \(list.joined(separator: ", ")) }; }; }

      """, creating: .mode(0o600))
    var script = "nft -f \(ruleset)"
    if node == .gateway {
      let batch = ["300", "301"].flatMap { table in list.map { "route add throw \($0) table \(table)" } }
      try writeFile("\(lab.directory)/rival.ip", batch.joined(separator: "\n") + "\n", creating: .mode(0o600))
      script += " && ip -batch \(lab.directory)/rival.ip"
    }
    return try lab.namespace(node).inside { [script] in
      var times: [Duration] = []
      for _ in 0..<rounds {
        _ = try Command(["sh", "-c", "ip route flush table 300; ip route flush table 301"]).run()
        let start = Moment.now
        try Command(["sh", "-c", script]).output()
        times.append(Moment.now - start)
      }
      return BenchRow(name, times)
    }
  }

  // MARK: The list

  /// Seconds: long enough for one not to follow on the other.
  private func resync(_ size: Int) -> Int { size > 10_000 ? 5 : 1 }

  /// Every other address of 20.0.0.0/8 by itself, behind the standard exclusions.
  private func networks(_ count: Int) -> [String] {
    let standard = node == .gateway ? Address.excludedNetworks : []
    return standard
      + (0..<count - standard.count).map { index in
        let address = index * 2
        return "20.\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)/32"
      }
  }

  private func configuration(_ lab: Lab, _ size: Int) throws -> String {
    let key = node == .gateway ? "excludedCIDRs" : "denyDestinations"
    let list = ["  \(key):"] + networks(size).map { "    - \($0)" }
    let lines = try lab.configuration(for: node, Bench.Intervals(), metrics: "off")
      .replacing("resyncInterval: 30s", with: "resyncInterval: \(resync(size))s")
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let place = lines.firstIndex(where: { $0 == "  probe:" || $0 == "  wanInterface: auto" }) else {
      throw LabError("writing a configuration with a list", "the lab's own has no place for it")
    }
    return (lines[..<place] + list + lines[place...]).joined(separator: "\n")
  }
}
