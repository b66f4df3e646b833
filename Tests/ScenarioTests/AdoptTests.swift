import Lab
import Testing

@Suite("adopt takes over what was set up by hand", .serialized)
struct AdoptTests {
  @Test("a gateway by its unit: printed, taken over without a gap, for good, and back again")
  func gateway() throws {
    let scene = try RecipeScene(.gateway)
    try scene.expectPrinting()
    let said = try scene.takeOver()
    #expect(try !scene.machine.run("ip rule show").contains("100:"))
    #expect(try scene.machine.run("stat -c %a /etc/liteboxd/agent.yaml") == "640\n")
    try scene.expectNothingLeft()
    try scene.machine.powerOff()
    try scene.machine.boot()
    try scene.agent.waitFor(phase: "ready", within: .seconds(20))
    try scene.expectNothingLeft()
    // What the recipe does not hold: no leak when the tunnel goes.
    let device = try scene.lab.zeroTier(.gateway).device
    try scene.underTraffic(RecipeScene.flows) { _ in
      try scene.lab.namespace(.gateway).ip("link set \(device) down")
      scene.lab.letPass(.milliseconds(500))
      try scene.expectNoWayPast("link down")
    }
    try scene.lab.zeroTier(.gateway).restart()
    try scene.agent.waitFor(phase: "ready", within: .seconds(20))
    try scene.goBack(said)
    try scene.expectLeaksOfRecipe()
  }

  @Test("a cloud server by its unit, with entries that would come back at boot")
  func cloud() throws {
    let scene = try RecipeScene(.cloudA)
    try scene.saveEntries()
    try scene.expectPrinting()
    let saved = try scene.machine.run("cat /etc/iptables/rules.v4")
    let said = try scene.takeOver()
    for listing in try [scene.machine.run("iptables-save"), scene.machine.run("cat /etc/iptables/rules.v4")] {
      #expect(!listing.contains("MASQUERADE") && !listing.contains("zt+"), "\(listing)")
    }
    #expect(try scene.machine.run("cat /etc/iptables/rules.v4.before-liteboxd") == saved)
    try scene.expectNothingLeft()
    try scene.goBack(said)
    #expect(try scene.machine.run("cat /etc/iptables/rules.v4") == saved)
    #expect(try scene.machine.run("iptables-save").contains("MASQUERADE"))
  }

  @Test(
    "a cloud server where FORWARD drops what nothing accepts, by hand: the accepts stay, and traffic passes")
  func droppingForward() throws {
    let scene = try RecipeScene(.cloudA)
    try scene.machine.run("iptables -P FORWARD DROP")
    // Without a unit, and with what a restarted one leaves twice.
    try scene.machine.run("iptables -t nat -A POSTROUTING -s 10.147.17.0/24 -o eth0 -j MASQUERADE")
    try scene.machine.run("mv /etc/systemd/system/\(scene.unit) /root/")
    try scene.machine.run("systemctl daemon-reload")
    let said = try scene.takeOver()
    #expect(said.contains("stays"))
    let listing = try scene.machine.run("iptables-save")
    #expect(!listing.contains("MASQUERADE") && listing.contains("-i zt+ -o eth0 -j ACCEPT"), "\(listing)")
    try scene.expectTraffic()
    let again = try scene.adopt("--yes")
    #expect(again.status == .exited(0) && again.stderr.contains("nothing to adopt"), "\(again)")
  }
}

@Suite("S19: adopt, killed after each program that it runs", .serialized)
struct AdoptProgramTests {
  @Test(
    "nothing leaks, traffic goes on, another run ends it, and the way back is open",
    arguments: [Node.gateway, .cloudA])
  func everyProgram(_ node: Node) throws {
    let scene = try RecipeScene(node)
    if node != .gateway { try scene.saveEntries() }
    try scene.standBetween()
    let before = try scene.listing()
    var number = 0
    try scene.underTraffic(RecipeScene.flows) { traffic in
      var isThrough = false
      while !isThrough {
        number += 1
        isThrough = try scene.adopt(killedAfter: number).status == .exited(0)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
        let second = try scene.adopt("--yes")
        #expect(second.status == .exited(0), "killed after \(number): \(second)")
        try scene.agent.waitFor(phase: "ready", within: .seconds(20))
        try scene.expectInSync(scene.agent, within: .seconds(5))
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
        try scene.expectNothingLeft()
        try scene.undo()
        let after = try scene.listing()
        #expect(after == before, "killed after \(number): \(difference(after, before))")
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      }
    }
    print("killed after each of the \(number - 1) programs of adopt on \(node)")
    #expect(number > 5)
    if node == .gateway { try scene.expectLeaksOfRecipe() }
  }
}

extension RecipeScene {
  /// Puts a program before systemctl and the iptables programs that kills the agent after the one with a given number.
  fileprivate func standBetween() throws {
    for path in ["/usr/bin/systemctl", "/usr/sbin/iptables-nft-save", "/usr/sbin/iptables-nft"] {
      let name = path.split(separator: "/").last ?? ""
      let script = """
        #!/bin/sh
        \(path) "$@"
        status=$?
        [ -e /run/fatal ] && [ "$(cat /proc/$PPID/comm)" = liteboxd-agent ] || exit $status
        echo >>/run/programs
        [ "$(wc -l </run/programs)" != "$(cat /run/fatal)" ] || kill -KILL $PPID
        exit $status

        """
      try machine.write(ContainerFile("/usr/local/sbin/\(name)", script, mode: 0o755))
    }
  }

  fileprivate func adopt(killedAfter number: Int) throws -> Command.Result {
    try machine.execute(["sh", "-c", "echo \(number) >/run/fatal; rm -f /run/programs"]).output()
    defer { _ = try? machine.run("rm -f /run/fatal") }
    return try adopt("--yes")
  }

  /// The way back, and without a trace of the agent.
  fileprivate func undo() throws {
    try machine.run("systemctl disable --now liteboxd-agent.service")
    try machine.run("systemctl disable liteboxd-agent-guard.service")
    try machine.run("rm -r /etc/systemd/system/\(unit).d")
    try machine.run("systemctl daemon-reload")
    try machine.run("systemctl enable --now \(unit)")
    if node != .gateway {
      try machine.run("mv /etc/iptables/rules.v4.before-liteboxd /etc/iptables/rules.v4")
    }
    try machine.run("liteboxd-agent teardown --yes")
    try machine.run("sysctl -w net.ipv4.ip_forward=1")
    try machine.run("rm -r /etc/liteboxd")
  }

  /// As `netfilter-persistent save` does.
  fileprivate func saveEntries() throws {
    let entries = try machine.run("iptables-save")
    try machine.write(ContainerFile("/etc/iptables/rules.v4", entries, mode: 0o640))
  }

  /// The control: the same streams get past the recipe as soon as the tunnel goes.
  fileprivate func expectLeaksOfRecipe() throws {
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(Self.flows)
    try lab.namespace(node).ip("link set \(lab.zeroTier(node).device) down")
    let leaks = try eventually(within: .seconds(5)) { try lab.leaks().total > 0 ? true : nil }
    let report = try traffic.stop()
    #expect(leaks == true, "\(report)")
  }
}
