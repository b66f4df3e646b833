import Glibc

extension BenchPart {
  static let repair = BenchPart("repair", "time to repair, for each kind of object, idle and busy") {
    options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let lines = try VerifiedLines(at: "\(lab.directory)/verified")
    let agent = try lab.startMeasuredGateway(wrapper: lines.wrapper)
    lab.letPass(.seconds(1))
    let rounds = options.count(120, quick: 5, asked: options.rounds)
    let few = max(1, rounds / 3)
    let ofAgent = try lab.measureRepairs(rounds: rounds, pause: options.pause, agent, lines)
    let ownedTable = try lab.deleteOwnedTable()
    let busyAgent = try lab.whileBusy {
      try lab.measureRepairs(rounds: few, pause: options.pause, agent, lines)
    }
    agent.kill()
    let floor = try lab.startFloor(saying: lines)
    defer { floor.end() }
    // As long at rest before each fault as the agent: a processor that has slept takes longer.
    let ofFloor = try lab.measureRepairs(rounds: rounds, pause: options.pause, nil, lines)
    let busyFloor = try lab.whileBusy {
      try lab.measureRepairs(rounds: few, pause: options.pause, nil, lines)
    }
    var idle = BenchRepairs.section("idle", until: .readBack, ofAgent, beside: ofFloor)
    idle.notes.append(ownedTable)
    return [
      BenchRepairs.section("idle", until: .returned, ofAgent, beside: ofFloor), idle,
      BenchRepairs.section("both cores busy", until: .readBack, busyAgent, beside: busyFloor),
    ]
  }
}

/// How long it took each time until one fault was repaired.
public struct BenchRepairs: Sendable {
  public let title: String
  /// Nothing was damaged: what has to be so that the tunnel may be opened came back, and the agent looks at all of that.
  let isOpening: Bool
  /// Until the kernel announced that all is as it was.
  public let times: [Duration]
  /// Until that was read back as well, as far as the repairer says so.
  public let verified: [Duration]
}

extension BenchRepairs {
  /// What ends the time that is measured.
  fileprivate enum End {
    /// What was taken away is there again.
    case returned
    /// And the repairer has read it.
    case readBack

    /// In a goal's name.
    var word: String {
      switch self {
      case .returned: "return"
      case .readBack: "repair"
      }
    }

    func title(_ load: String) -> String {
      switch self {
      case .returned: "time without it, \(load): from the fault to the object's return"
      case .readBack: "time to repair, \(load): from the fault to the object read back"
      }
    }

    func times(of repairs: BenchRepairs) -> [Duration] {
      switch self {
      case .returned: repairs.times
      case .readBack: repairs.verified
      }
    }
  }

  /// Each fault's repair by the agent and by the C floor, and what is wanted of the slowest of them.
  fileprivate static func section(
    _ load: String, until end: End, _ agent: [BenchRepairs], beside floor: [BenchRepairs]
  ) -> BenchSection {
    var section = BenchSection(end.title(load))
    var medians: [(ratio: Double, title: String)] = []
    for (own, least) in zip(agent, floor) {
      let base = BenchRow("\(least.title), C floor", end.times(of: least))
      let row = BenchRow(own.title, end.times(of: own)).beside(base, called: "the C floor")
      section.rows += [row, base]
      if let ratio = row.times(base), !own.isOpening { medians.append((ratio, own.title)) }
    }
    let worst = medians.max { $0.ratio < $1.ratio }
    section.goals.append(
      BenchGoal(
        "\(end.word), \(load): median beside the C floor, at its worst (\(worst?.title ?? "-"))", .times,
        worst?.ratio, .atMost(1.5)))
    let slowest = agent.filter { !$0.isOpening }.compactMap { section[row: $0.title] }.max {
      $0.p99 ?? 0 < $1.p99 ?? 0
    }
    if load == "idle", end == .readBack {
      section.goals.append(
        BenchGoal(
          "repair, idle: 99th percentile, at its worst (\(slowest?.name ?? "-"))", .seconds, slowest?.p99,
          .below(0.002)))
    }
    return section
  }
}

extension Lab {
  /// Each fault, or the one of that title, so often. From the system call that does the damage, which is before
  /// anybody can know of it, to the announcement that all is as it was.
  ///
  /// - Parameters:
  ///   - agent: whose log tells why something was not repaired.
  ///   - lines: by which the repairer says that it has read the kernel again; nil: nothing is known of that.
  public func measureRepairs(
    rounds: Int, pause: Duration, _ agent: AgentProcess?, of wanted: String? = nil
  ) throws -> [BenchRepairs] {
    try measureRepairs(rounds: rounds, pause: pause, agent, nil, of: wanted)
  }

  func measureRepairs(
    rounds: Int, pause: Duration, _ agent: AgentProcess?, _ lines: VerifiedLines?, of wanted: String? = nil
  ) throws -> [BenchRepairs] {
    let device = try zeroTier(.gateway).device
    return try namespace(.gateway).inside {
      preferThisThread()
      let clock = try RepairClock(pause: pause, lines)
      let faults = try BenchFault.all(device: device).filter { wanted == nil || $0.title == wanted }
      return try faults.map { fault in
        do { return try clock.repairs(of: fault, rounds: rounds) } catch {
          throw LabError("timing: \(fault.title)", "\(error)\n\(agent?.log ?? "")")
        }
      }
    }
  }

  /// While each core has something else to do.
  func whileBusy<Result>(_ body: () throws -> Result) throws -> Result {
    let nothing = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
    guard nothing.number >= 0 else { throw LabError("opening /dev/null", errno: errno) }
    let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let spinners = try (0..<cores).map { _ in
      try ChildProcess(
        ["sh", "-c", "while :; do :; done"],
        streams: .init(input: nothing.number, output: nothing.number, error: nothing.number), group: .own)
    }
    defer { for spinner in spinners { spinner.end() } }
    return try body()
  }

  /// What becomes of an attempt to delete the agent's nftables table: nothing is to be repaired where the kernel
  /// refuses.
  fileprivate func deleteOwnedTable() throws -> String {
    let command = try namespace(.gateway).execute(["nft", "delete", "table", "inet", "liteboxd"])
    return try command.run().status == .exited(0)
      ? "nftables table deleted: not timed, since this kernel's tables have no owner"
      : "nftables table deleted: refused by the kernel (owned table)"
  }
}
