import Foundation
import Testing

@Suite("What render prints")
struct RenderedFilesTests {
  @Test(
    "is what is installed as an example",
    arguments: [
      ("prometheus-rules", "config/prometheus-rules.yaml"),
      ("grafana-dashboard", "config/grafana-dashboard.json"),
    ])
  func shipped(_ name: String, _ path: String) throws {
    let printed = try run(releaseBinary.path, "render", name)
    #expect(try printed.status == 0 && printed.output == text(of: path))
  }

  @Test("is a policy with one entry for each gateway, from its own file")
  func policy() throws {
    try withTemporaryDirectory { directory in
      let other = directory.appending(path: "other.yaml")
      try text(of: "config/gateway.yaml").replacing("egressIP: 10.147.17.1", with: "egressIP: 10.147.17.9")
        .write(to: other, atomically: true, encoding: .utf8)
      let printed = try render(
        "--node", "node-1", "--config", "config/gateway.yaml", "--node=node-2=\(other.path)")
      #expect(printed.status == 0, "\(printed.output)")
      let addresses = printed.output.split(separator: "\n").filter { $0.contains("egressIP:") }
      #expect(
        addresses.map { $0.filter { $0.isNumber || $0 == "." } } == [
          "10.147.17.1", "10.147.17.1", "10.147.17.9",
        ])
    }
  }

  @Test("is nothing for configurations that cannot be one policy, and the exit status is 78")
  func refused() throws {
    let missing = try render("--node", "node-1=/nonexistent.yaml")
    #expect(missing.status == 78 && missing.output.contains("/nonexistent.yaml"))
    let cloud = try render("--node", "node-1=config/cloud.yaml")
    #expect(cloud.status == 78 && cloud.output.contains("config/cloud.yaml: role is cloud"))
    let twice = try render("--node", "node-1=config/gateway.yaml", "--node", "node-2=config/gateway.yaml")
    #expect(twice.status == 78 && twice.output.contains("same egressIP"))
    #expect(!twice.output.contains("apiVersion"))
  }

  @Test("is never a policy for a node without a name, which is wrong usage")
  func unnamed() throws {
    let unnamed = try render("--config", "config/gateway.yaml")
    #expect(unnamed.status == 64 && unnamed.output.split(separator: "\n").count == 1)
  }

  private func render(_ options: String...) throws -> (output: String, status: Int32) {
    try run([releaseBinary.path, "render", "cilium-policy"] + options)
  }
}
