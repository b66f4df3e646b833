import JSON
import Model
import Testing

@testable import Configuration
@testable import Rendering

@Suite("Cilium's policy")
struct CiliumPolicyTests {
  typealias Gateway = CiliumPolicy.Gateway

  private static let excluded: [CIDR] = [.ipv4(192, 168, 0, 0, 16), .ipv4(10, 0, 0, 0, 8)]

  private static func gateway(
    _ node: String, _ egressIP: String, _ excluded: [CIDR] = excluded
  ) -> Gateway {
    Gateway(
      node: node, egressIP: IPAddress(egressIP)!, excludedCIDRs: excluded, file: "\(node).yaml")
  }

  private static let one = gateway("node-1", "10.147.17.1")
  private static let two = gateway("node-2", "10.147.17.3")
  private static let older = CiliumVersion(1, 17)

  private func rendered(_ gateways: [Gateway], for version: CiliumVersion = .firstWithList) throws -> String {
    try CiliumPolicy(gateways, for: version).text
  }

  private func schema(for version: CiliumVersion) throws -> Schema {
    let text = try text(of: "Tests/RenderingTests/Fixtures/egress-gateway-policy.schema.json")
    return Schema(
      root: try JSONValue(parsing: Array(text.utf8)),
      missing: version < .firstWithList ? ["egressGateways"] : [])
  }

  @Test("of several gateways is a list, with the first repeated where the schema requires one")
  func several() throws {
    #expect(
      try rendered([Self.one, Self.two]) == """
        # Made by "liteboxd-agent render cilium-policy" for Cilium 1.18 or newer.
        #
        # Deleting this policy does not stop sandboxes: they then leave by their own nodes' addresses.
        # Before Cilium 1.18.7, pods of an entry whose nodeSelector matches no node are dropped, not given to another.
        apiVersion: cilium.io/v2
        kind: CiliumEgressGatewayPolicy
        metadata:
          name: liteboxd-sandbox-egress-via-node
        spec:
          selectors:
            - podSelector:
                matchLabels:
                  app: liteboxd
                  liteboxd.io/internet-access: 'true'
          destinationCIDRs:
            - '0.0.0.0/0'
          # The same as in the gateways' routing tables.
          excludedCIDRs:
            - '10.0.0.0/8'
            - '192.168.0.0/16'
          # Required by the schema, and ignored beside the list below.
          egressGateway:
            nodeSelector:
              matchLabels:
                kubernetes.io/hostname: node-1
            egressIP: '10.147.17.1'
          egressGateways:
            - nodeSelector:
                matchLabels:
                  kubernetes.io/hostname: node-1
              egressIP: '10.147.17.1'
            - nodeSelector:
                matchLabels:
                  kubernetes.io/hostname: node-2
              egressIP: '10.147.17.3'

        """)
  }

  @Test("before 1.18 has one gateway and no list")
  func single() throws {
    let spec = try #require(try yaml(rendered([Self.one], for: Self.older))["spec"])
    #expect(spec["egressGateway"]?["egressIP"] == "10.147.17.1")
    #expect(spec["egressGateways"] == nil)
  }

  @Test("without excluded networks does not name them")
  func nothingExcluded() throws {
    let spec = try #require(try yaml(rendered([Self.gateway("node-1", "10.147.17.1", [])]))["spec"])
    #expect(spec["excludedCIDRs"] == nil && spec["destinationCIDRs"] == ["0.0.0.0/0"])
  }

  @Test("fits the schema of its version", arguments: [CiliumVersion(1, 16), older, .firstWithList])
  func valid(_ version: CiliumVersion) throws {
    let gateways = version < .firstWithList ? [Self.one] : [Self.one, Self.two]
    #expect(try schema(for: version).problems(of: yaml(rendered(gateways, for: version))) == [])
  }

  @Test(
    "would not fit with a mistake in it",
    arguments: [
      ("egressIP: '10.147.17.1'", "egressIP: 10.147.17.1", ".spec.egressGateway.egressIP: no text"),
      ("'10.0.0.0/8'", "'10.0.0.0/33'", ".spec.excludedCIDRs[0]: 10.0.0.0/33 does not match"),
      ("destinationCIDRs", "destinations", ".spec: destinationCIDRs is missing"),
      ("podSelector", "pods", ".spec.selectors[0]: pods is unknown"), ("'true'", "true", ": no text"),
    ])
  func invalid(_ right: String, _ wrong: String, _ problem: String) throws {
    let text = try rendered([Self.one]).replacing(right, with: wrong)
    let problems = try schema(for: .firstWithList).problems(of: yaml(text))
    #expect(problems.contains { $0.hasSuffix(problem) }, "\(problems)")
  }

  @Test("of the list's form does not fit the schema of versions without lists")
  func listBefore() throws {
    let problems = try schema(for: Self.older).problems(of: yaml(rendered([Self.one])))
    #expect(problems == [".spec: egressGateways is unknown"])
  }

  @Test("takes the excluded networks as the routing table has them, in whatever order they are written")
  func sameExclusions() throws {
    let more = [CIDR.ipv4(10, 1, 0, 0, 16)] + Self.excluded.reversed()
    let text = try rendered([Self.one, Self.gateway("node-2", "10.147.17.3", more)])
    #expect(try yaml(text)["spec"]?["excludedCIDRs"] == ["10.0.0.0/8", "192.168.0.0/16"])
  }

  @Test(
    "keeps a node's name a text, whatever YAML would make of it",
    arguments: ["no", "null", "1e3", "0x1f", "10.0", "2026-11-21", "y", "node-1.example"])
  func names(_ node: String) throws {
    let spec = try yaml(rendered([Self.gateway(node, "10.147.17.1")]))["spec"]
    let entry = try #require(spec?["egressGateways"]?.array?.first)
    #expect(entry["nodeSelector"]?["matchLabels"]?["kubernetes.io/hostname"]?.string == node)
  }

  @Test(
    "refuses what is no node's name",
    arguments: ["", "Node-1", "-a", "a-", "a..b", "a b", "<egress-node-1-hostname>", "a\nb: c", "a_b"]
      + [String(repeating: "a", count: 64)])
  func hostnames(_ node: String) {
    #expect(throws: CiliumPolicyRefusal.node(node)) { try rendered([Self.gateway(node, "10.147.17.1")]) }
  }

  @Test("refuses gateways that contradict each other, and names both")
  func contradictions() {
    let other = Self.gateway("node-2", "10.147.17.3", [.ipv4(10, 0, 0, 0, 8)])
    #expect(
      refusal([Self.one, other])?.contains("node-1.yaml (node node-1) and node-2.yaml (node node-2)") == true)
    let same = Self.gateway("node-2", "10.147.17.1")
    #expect(
      refusal([Self.one, same])?.contains("node-1.yaml (node node-1) and node-2.yaml (node node-2)") == true)
    #expect(refusal([Self.one, Self.one]) == "node node-1 is given twice; each gateway is a node of its own")
    #expect(refusal([]) == "no gateway is given")
  }

  @Test("refuses several gateways before 1.18, by name")
  func severalBefore() {
    #expect(
      refusal([Self.one, Self.two], for: Self.older)
        == "Cilium 1.17 takes one gateway for a policy, and 2 are given (node-1, node-2); give one, or use Cilium 1.18"
    )
  }

  private func refusal(_ gateways: [Gateway], for version: CiliumVersion = .firstWithList) -> String? {
    do throws(CiliumPolicyRefusal) {
      _ = try CiliumPolicy(gateways, for: version)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "knows Cilium's versions as they are written",
    arguments: [("1.16", "1.16"), ("v1.18.7", "1.18"), ("1.20.0", "1.20"), ("2.0", "2.0")])
  func versions(_ text: String, _ meant: String) {
    #expect(CiliumVersion(text)?.description == meant)
  }

  @Test(
    "knows no others", arguments: ["", "1", "1.15", "1.18.x", "1.18.7.1", "-1.18", "latest", "1..18", "1.٣"])
  func noVersions(_ text: String) { #expect(CiliumVersion(text) == nil) }
}

@Suite("The kustomization")
struct KustomizationTests {
  @Test("names the policy's file")
  func resources() throws {
    let document = try yaml(Kustomization.text)
    #expect(
      document["kind"] == "Kustomization" && document["resources"] == ["cilium-egress-gateway-policy.yaml"])
  }
}

@Suite("Rendered YAML")
struct YAMLValueTests {
  @Test(
    "is read back as the same texts",
    arguments: [
      "", " ", "plain", "it's", "'", "a: b", "a #b", "- a", "{a}", "[a]", "*a", "&a", "!a", "%a", "@a", "`a",
      "|", ">",
      "\"", "\\", "a\nb", "tab\t", "é", "\u{2028}", "\u{1F600}", "~", "null", "True", "1", "0o7", ".5", "a ",
      "=", "<<",
    ])
  func texts(_ text: String) throws {
    let document = YAMLValue.mapping([
      .init("text", .text(text)), .init("list", .list([.text(text), .list([.text(text)])])),
    ])
    let read = try yaml(document.document(comments: ["a", ""]))
    #expect(read == ["text": .string(text), "list": [.string(text), [.string(text)]]])
  }

  @Test("has empty lists and mappings in their short form")
  func empty() throws {
    let value = YAMLValue.mapping([.init("a", .list([])), .init("b", .mapping([]))])
    #expect(value.document() == "a: []\nb: {}\n")
  }
}
