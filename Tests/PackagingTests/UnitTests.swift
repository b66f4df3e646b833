import Foundation
import Testing

private let guardUnit = "liteboxd-agent-guard.service"
private let agentUnit = "liteboxd-agent.service"

/// Copies of the units whose programs exist here, which is all that they lack before they are installed.
private func withUnits<T>(
  replacing old: String = "", with new: String = "", _ body: ([String]) throws -> T
) throws -> T {
  try withTemporaryDirectory { directory in
    let copies = try [agentUnit, guardUnit].map { name in
      let copy = directory.appending(path: name)
      let unit = try text(of: "systemd/\(name)").replacing("/usr/bin/liteboxd-agent", with: "/bin/true")
      try unit.replacing(old, with: new).write(to: copy, atomically: true, encoding: .utf8)
      return copy.path
    }
    return try body(copies)
  }
}

@Suite("The systemd units")
struct UnitTests {
  @Test("systemd finds nothing wrong with them")
  func verified() throws {
    let found = try withUnits { try run("systemd-analyze", "verify", "--man=no", $0[0], $0[1]) }
    #expect(found.output == "")
    #expect(found.status == 0)
  }

  @Test("systemd would find a misspelt key")
  func control() throws {
    let found = try withUnits(replacing: "ProtectHome=", with: "ProtectHom=") {
      try run("systemd-analyze", "verify", "--man=no", $0[0], $0[1])
    }
    #expect(found.output.contains("ProtectHom"))
  }

  @Test("they expose little: 2.0 of 10 at most", arguments: [0, 1])
  func exposure(_ unit: Int) throws {
    let found = try withUnits {
      try run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", $0[unit])
    }
    #expect(found.status == 0, "\(found.output)")
  }

  @Test(
    "the guard comes before whatever could send",
    arguments: [
      "sysinit.target", "network-pre.target", "zerotier-one.service", "kubelet.service", "k3s.service",
      "k3s-agent.service",
      "containerd.service",
    ])
  func guardFirst(_ unit: String) throws {
    let before = try text(of: "systemd/\(guardUnit)").split(separator: "\n").filter {
      $0.hasPrefix("Before=")
    }
    #expect(before.flatMap { $0.dropFirst(7).split(separator: " ") }.contains { $0 == unit })
  }

  @Test("the guard waits until the boot has emptied /tmp, where systemd prepares what a unit sees")
  func guardAfterEmptying() throws {
    let after = try text(of: "systemd/\(guardUnit)").split(separator: "\n").filter { $0.hasPrefix("After=") }
    #expect(after.contains { $0.contains("systemd-tmpfiles-setup.service") })
  }

  @Test("stopping them removes nothing from the kernel", arguments: [agentUnit, guardUnit])
  func stopLeavesState(_ name: String) throws {
    let unit = try text(of: "systemd/\(name)")
    #expect(!unit.contains("\nExecStop"))
    #expect(unit.contains("\nRuntimeDirectoryPreserve=yes\n"))
  }
}
