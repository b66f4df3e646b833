import Foundation
import Testing

@Suite("The Debian package")
struct PackageTests {
  @Test("holds what make install installs, and a configuration that is a conffile")
  func content() throws {
    let package = try BuiltPackage.get()
    let listing = try run("dpkg-deb", "--contents", package.path).output
    let files = listing.split(separator: "\n").map { $0.split(separator: " ") }
      .filter { $0[0].hasPrefix("-") && !$0[5].contains("/docs/decisions/") }
      .map { "\($0[0]) \($0[1]) \($0[5])" }.sorted { $0.dropFirst(10) < $1.dropFirst(10) }
    #expect(
      files.joined(separator: "\n") == """
        -rw-r--r-- root/root ./etc/iproute2/rt_protos.d/liteboxd.conf
        -rw-r--r-- root/root ./etc/iproute2/rt_tables.d/liteboxd.conf
        -rw-r--r-- root/root ./etc/liteboxd/agent.yaml
        -rw-r--r-- root/root ./lib/systemd/system/liteboxd-agent-guard.service
        -rw-r--r-- root/root ./lib/systemd/system/liteboxd-agent.service
        -rwxr-xr-x root/root ./usr/bin/liteboxd-agent
        -rw-r--r-- root/root ./usr/lib/NetworkManager/conf.d/liteboxd.conf
        -rw-r--r-- root/root ./usr/lib/systemd/networkd.conf.d/networkd-keep-foreign.conf
        -rw-r--r-- root/root ./usr/lib/sysusers.d/liteboxd.conf
        -rw-r--r-- root/root ./usr/share/bash-completion/completions/liteboxd-agent
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/CHANGELOG.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/README.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/README.zh-CN.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/changelog.gz
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/copyright
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/architecture.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/dashboard.svg
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/exits.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/fail-closed.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/migration.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/operations.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/operator-view.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/performance.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/troubleshooting.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/zh-CN/exits.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/zh-CN/migration.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/zh-CN/operations.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/docs/zh-CN/troubleshooting.md
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/examples/cloud.yaml
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/examples/gateway.yaml
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/examples/grafana-dashboard.json
        -rw-r--r-- root/root ./usr/share/doc/liteboxd-agent/examples/prometheus-rules.yaml
        -rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/liteboxd-agent.fish
        -rw-r--r-- root/root ./usr/share/lintian/overrides/liteboxd-agent
        -rw-r--r-- root/root ./usr/share/man/man8/liteboxd-agent.8.gz
        -rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_liteboxd-agent
        """)
    #expect(listing.contains("drwxr-x--- root/root") && listing.contains(" ./etc/liteboxd/\n"))
    #expect(
      try package.control("conffiles") == """
        /etc/iproute2/rt_protos.d/liteboxd.conf
        /etc/iproute2/rt_tables.d/liteboxd.conf
        /etc/liteboxd/agent.yaml

        """)
  }

  @Test("has nothing that lintian calls an error or a warning")
  func lintian() throws {
    let package = try BuiltPackage.get()
    let changes = package.path.replacing(".deb", with: ".changes")
    let found = try run("lintian", "--allow-root", "--fail-on", "error,warning", changes)
    #expect(found.status == 0, "\(found.output)")
  }

  @Test("has the version that the program has")
  func version() throws {
    let package = try BuiltPackage.get()
    let version = try run(releaseBinary.path, "version").output.split(separator: " ").dropFirst().first
    #expect(try package.field("Version") == version.map(String.init))
  }

  @Test("is built beside the tree, and leaves nothing in it")
  func leavings() throws {
    let package = try BuiltPackage.get()
    let built = try FileManager.default.contentsOfDirectory(atPath: package.directory.path).sorted()
    #expect(built.map { ($0 as NSString).pathExtension } == ["buildinfo", "changes", "deb"], "\(built)")
    let debian = try run("ls", "-A", "debian").output.split(separator: "\n")
    #expect(
      debian == [
        "agent.yaml", "changelog", "control", "copyright", "liteboxd-agent.lintian-overrides", "postinst",
        "postrm", "prerm", "rules", "source",
      ])
  }

  @Test("its configuration is refused until somebody fills it in")
  func configuration() throws {
    let found = try run(releaseBinary.path, "check", "--config", "debian/agent.yaml")
    #expect(found.status == 78, "\(found.output)")
    // Each line of it is a comment, which dpkg will find changed by whoever fills it in.
    #expect(try text(of: "debian/agent.yaml").split(separator: "\n").allSatisfy { $0.hasPrefix("#") })
  }

  @Test("what it asks for in its place is a usable configuration", arguments: ["gateway", "cloud"])
  func examples(_ role: String) throws {
    #expect(try text(of: "debian/agent.yaml").contains("examples/\(role).yaml /etc/liteboxd/agent.yaml"))
    let found = try run(releaseBinary.path, "check", "--config", "config/\(role).yaml")
    #expect(found.status == 0, "\(found.output)")
  }

  @Test(
    "its scripts are a plain shell's, and shellcheck finds nothing",
    arguments: ["postinst", "prerm", "postrm"])
  func scripts(_ name: String) throws {
    let script = try BuiltPackage.get().control(name)
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: name)
      try script.write(to: file, atomically: true, encoding: .utf8)
      let parsed = try run("dash", "-n", file.path)
      #expect(parsed.status == 0, "\(parsed.output)")
      // debhelper's own words are not ours.
      let found = try run("shellcheck", "--shell=sh", "--severity=info", "debian/\(name)")
      #expect(found.status == 0, "\(found.output)")
    }
  }
}
