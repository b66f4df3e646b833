import Foundation
import Model
import Testing

@Suite("What is installed")
struct InstallationTests {
  @Test("the release binary is smaller than 16 MB")
  func size() throws {
    let size = try FileManager.default.attributesOfItem(atPath: releaseBinary.path)[.size] as? Int
    #expect(try #require(size) < 16_000_000)
  }

  @Test("the release binary needs at most ten lines of ldd, and none of Swift's or C++'s libraries")
  func libraries() throws {
    let found = try run("ldd", releaseBinary.path)
    #expect(found.status == 0)
    #expect(found.output.split(separator: "\n").count <= 10, "\(found.output)")
    #expect(!found.output.contains("swift") && !found.output.contains("stdc++"))
  }

  /// One `contains` of a string in a string brings all of it along: 1.4 MB.
  @Test("the release binary carries no engine for regular expressions")
  func stringProcessing() throws {
    let binary = try Data(contentsOf: releaseBinary)
    #expect(binary.range(of: Data("liteboxd".utf8)) != nil)
    #expect(binary.range(of: Data("StringProcessing".utf8)) == nil)
  }

  @Test("the release binary is bound at its start and looks for libraries nowhere else")
  func linking() throws {
    let dynamic = try run("readelf", "-d", releaseBinary.path).output
    #expect(dynamic.contains("BIND_NOW"))
    #expect(!dynamic.contains("RUNPATH") && !dynamic.contains("RPATH"))
  }

  @Test("make install puts each file where it belongs, and nothing that would be active half-filled")
  func files() throws {
    let installed = try withTemporaryDirectory { directory in
      let made = try run("make", "install", "DESTDIR=\(directory.path)", "RELEASE=\(releaseDirectory)")
      #expect(made.status == 0, "\(made.output)")
      return try run(
        "sh", "-c", "cd '\(directory.path)' && find . -type f ! -path '*/decisions/*' | LC_ALL=C sort"
      ).output
    }
    #expect(
      installed == """
        ./etc/iproute2/rt_protos.d/liteboxd.conf
        ./etc/iproute2/rt_tables.d/liteboxd.conf
        ./usr/bin/liteboxd-agent
        ./usr/lib/NetworkManager/conf.d/liteboxd.conf
        ./usr/lib/systemd/networkd.conf.d/networkd-keep-foreign.conf
        ./usr/lib/systemd/system/liteboxd-agent-guard.service
        ./usr/lib/systemd/system/liteboxd-agent.service
        ./usr/lib/sysusers.d/liteboxd.conf
        ./usr/share/bash-completion/completions/liteboxd-agent
        ./usr/share/doc/liteboxd-agent/CHANGELOG.md
        ./usr/share/doc/liteboxd-agent/LICENSE
        ./usr/share/doc/liteboxd-agent/README.md
        ./usr/share/doc/liteboxd-agent/README.zh-CN.md
        ./usr/share/doc/liteboxd-agent/docs/architecture.md
        ./usr/share/doc/liteboxd-agent/docs/dashboard.svg
        ./usr/share/doc/liteboxd-agent/docs/exits.md
        ./usr/share/doc/liteboxd-agent/docs/fail-closed.md
        ./usr/share/doc/liteboxd-agent/docs/migration.md
        ./usr/share/doc/liteboxd-agent/docs/operations.md
        ./usr/share/doc/liteboxd-agent/docs/operator-view.md
        ./usr/share/doc/liteboxd-agent/docs/performance.md
        ./usr/share/doc/liteboxd-agent/docs/troubleshooting.md
        ./usr/share/doc/liteboxd-agent/docs/zh-CN/exits.md
        ./usr/share/doc/liteboxd-agent/docs/zh-CN/migration.md
        ./usr/share/doc/liteboxd-agent/docs/zh-CN/operations.md
        ./usr/share/doc/liteboxd-agent/docs/zh-CN/troubleshooting.md
        ./usr/share/doc/liteboxd-agent/examples/cloud.yaml
        ./usr/share/doc/liteboxd-agent/examples/gateway.yaml
        ./usr/share/doc/liteboxd-agent/examples/grafana-dashboard.json
        ./usr/share/doc/liteboxd-agent/examples/prometheus-rules.yaml
        ./usr/share/fish/vendor_completions.d/liteboxd-agent.fish
        ./usr/share/man/man8/liteboxd-agent.8
        ./usr/share/zsh/site-functions/_liteboxd-agent

        """)
  }

  @Test("another PREFIX moves the binary, and the units follow")
  func prefix() throws {
    try withTemporaryDirectory { directory in
      let made = try run(
        "make", "install", "DESTDIR=\(directory.path)", "PREFIX=/opt/liteboxd", "RELEASE=\(releaseDirectory)")
      #expect(made.status == 0, "\(made.output)")
      let unit = directory.appending(path: "opt/liteboxd/lib/systemd/system/liteboxd-agent.service")
      #expect(
        try String(contentsOf: unit, encoding: .utf8).contains(
          "ExecStart=/opt/liteboxd/bin/liteboxd-agent run\n"))
    }
  }

  @Test("the names for ip are those of the numbers that the agent uses")
  func names() throws {
    #expect(
      try entries("config/rt_protos.d-liteboxd.conf") == ["\(RouteProtocol.liteboxd.rawValue) liteboxd"])
    #expect(
      try entries("config/rt_tables.d-liteboxd.conf") == ["100 liteboxd-tunnel", "101 liteboxd-fallback"])
  }

  private func entries(_ path: String) throws -> [String] {
    try text(of: path).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      String($0.replacing("\t", with: " "))
    }
  }
}
