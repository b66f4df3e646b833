import Glibc

extension BenchPart {
  static let rivals = BenchPart(
    "rivals", "the same repairs by the plan's units, ip, nft, keepalived, networkd"
  ) { options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    var section = BenchSection("time to repair by others, idle: from the fault to the object's return")
    let agent = try lab.startMeasuredGateway()
    lab.letPass(.milliseconds(500))
    let ours = try lab.measurePlain(rule: 150, rounds: options.count(50, quick: 3), options.pause)
    section.rows += ours.map { BenchRow("\($0.title), agent", $0.times) }
    let alone = try lab.measureToolsAlone(agent, rounds: options.count(20, quick: 3))
    _ = try agent.terminateAndWait()
    try agent.run(["teardown", "--yes"]).expectSuccess("teardown")
    for found in try lab.measurePlanUnits(rounds: options.count(4, quick: 1)) {
      let row = BenchRow("\(found.title), plan's units each second", found.times)
      section.rows.append(section.besideAgent(row, found.title))
    }
    section.goals = section.goalsOverShell(ours.map(\.title))
    section.rows += try lab.measurePlanUnitAlone(rounds: options.count(20, quick: 3)) + alone
    section.rows += try lab.measureKeepalived(rounds: options.count(5, quick: 1))
    section.rows += try lab.measureNetworkd(rounds: options.count(10, quick: 1))
    section.notes = [
      "the plan's units leave a fault for half their timer's interval on average; run once by themselves, they and ip and "
        + "nft take as long as is said",
      "keepalived takes all routes and rules of the instance away and makes them anew; those from static_routes, static_rules "
        + "and a throw route it does not follow",
    ]
    return [section]
  }
}

extension BenchSection {
  /// With the agent's repair of the same fault beside it.
  func besideAgent(_ row: BenchRow, _ title: String) -> BenchRow {
    self[row: "\(title), agent"].map { row.beside($0, called: "the agent") } ?? row
  }

  fileprivate func goalsOverShell(_ titles: [String]) -> [BenchGoal] {
    let worst = titles.compactMap { title -> (ratio: Double, title: String)? in
      guard let agent = self[row: "\(title), agent"],
        let ratio = self[row: "\(title), plan's units each second"]?.times(agent)
      else { return nil }
      return (ratio, title)
    }.min { $0.ratio < $1.ratio }
    return [
      BenchGoal(
        "repair: the shell loop's median beside the agent's, at its worst (\(worst?.title ?? "-"))", .times,
        worst?.ratio, .atLeast(30))
    ]
  }
}

extension Command.Result {
  /// Anything but exit status 0 is an error with what it said.
  func expectSuccess(_ attempt: String) throws(LabError) {
    guard status == .exited(0) else { throw LabError(attempt, "\(status): \(stdout)\(stderr)") }
  }
}

extension Lab {
  /// The faults that everybody's recipes are about.
  func measurePlain(
    rule priority: UInt32, rounds: Int, _ pause: Duration, patience: Duration = .seconds(15),
    before: @escaping @Sendable () -> Void = {}
  ) throws -> [BenchRepairs] {
    try namespace(.gateway).inside {
      preferThisThread()
      let clock = try RepairClock(pause: pause, patience: patience)
      return try BenchFault.plain(rule: priority).map {
        try clock.repairs(of: $0, rounds: rounds, before: before)
      }
    }
  }

  /// The same by somebody who may leave one of them as it is. `putBack` makes it good then.
  func measurePeer(
    _ name: String, rounds: Int, patience: Duration, putBack: @escaping @Sendable () throws -> Void
  ) throws -> [BenchRow] {
    try namespace(.gateway).inside {
      preferThisThread()
      let clock = try RepairClock(pause: .milliseconds(300), patience: patience)
      return try BenchFault.plain(rule: 100).map { fault in
        let title = "\(fault.title), \(name)"
        do { return BenchRow(title, try clock.repairs(of: fault, rounds: rounds).times) } catch let error
          as LabError
        {
          try putBack()
          return BenchRow(title, .seconds, .none("does not repair: \(error)"))
        }
      }
    }
  }

  // MARK: The plan

  /// Section D.4, as its unit runs it.
  private var planScript: String {
    let routes = Address.excludedNetworks.map { "ip route replace throw \($0) table 100 && " }.joined()
    return "ZT_IFACE=$(ip link show | grep -o 'zt[a-z0-9]*' | head -1) && " + routes
      + "ip route replace default via \(Node.cloudA.tunnelAddress ?? "") dev $ZT_IFACE table 100 && "
      + "ip rule del from \(Address.egress) table 100 2>/dev/null; "
      + "ip rule add from \(Address.egress) table 100 priority 100"
  }

  /// Run again and again by a timer of 1 s, for a fault at any moment of it.
  fileprivate func measurePlanUnits(rounds: Int) throws -> [BenchRepairs] {
    let nothing = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
    guard nothing.number >= 0 else { throw LabError("opening /dev/null", errno: errno) }
    let namespace = try namespace(.gateway)
    try namespace.execute(["sh", "-c", planScript]).output()
    let loop = try ChildProcess(
      namespace.execute(["sh", "-c", "while :; do sleep 1; \(planScript); done"]).arguments,
      streams: .init(input: nothing.number, output: nothing.number, error: nothing.number), group: .own)
    defer {
      kill(-loop.pid, SIGKILL)
      loop.end()
    }
    return try measurePlain(rule: 100, rounds: rounds, .milliseconds(25)) {
      pause(.nanoseconds(Int64.random(in: 0..<1_000_000_000)))
    }
  }

  fileprivate func measurePlanUnitAlone(rounds: Int) throws -> [BenchRow] {
    let script = planScript
    return [
      try timeRuns("plan's units, run once", rounds: rounds) { _ in Command(["sh", "-c", script]) }
    ]
  }

  // MARK: Debian's tools

  /// What it takes ip and nft to make all of the agent's state anew, which is what they would have to do not knowing
  /// what is missing.
  fileprivate func measureToolsAlone(_ agent: AgentProcess, rounds: Int) throws -> [BenchRow] {
    let gateway = try namespace(.gateway)
    var lines: [String] = []
    for table in ["100", "101"] {
      lines += try gateway.ip("route show table \(table)").split(separator: "\n").map {
        "route replace \($0) table \(table)"
      }
    }
    // In tables of their own, so that the agent has nothing to repair.
    let batch = lines.map { $0.replacing(" table 10", with: " table 110") }.joined(separator: "\n") + "\n"
    let table = try gateway.nft("list", "table", "inet", "liteboxd").split(separator: "\n").filter {
      !$0.contains("flags owner")
    }.joined(separator: "\n").replacing("table inet liteboxd", with: "table inet rival")
    let ruleset = "table inet rival\ndelete table inet rival\n\(table)\n"
    let rows = [
      try timeRuns("ip -batch of the agent's routes, run once", rounds: rounds) { _ in
        Command(["ip", "-batch", "-"], input: batch)
      },
      try timeRuns("nft -f of the agent's table, run once", rounds: rounds) { _ in
        Command(["nft", "-f", "-"], input: ruleset)
      },
    ]
    try gateway.nft("delete", "table", "inet", "rival")
    return rows
  }

  /// From before the start of a command in the gateway's namespace to its end.
  func timeRuns(
    _ name: String, rounds: Int, _ command: @escaping @Sendable (Int) -> Command
  ) throws -> BenchRow {
    try namespace(.gateway).inside {
      BenchRow(
        name,
        try (0..<rounds).map { round in
          let command = command(round)
          let start = Moment.now
          try command.output()
          return Moment.now - start
        })
    }
  }
}
