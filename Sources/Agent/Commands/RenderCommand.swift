import Configuration
import Model
import Rendering

/// What `render` can print.
enum RenderedFile: String, CaseIterable {
  case ciliumPolicy = "cilium-policy"
  case kustomization
  case prometheusRules = "prometheus-rules"
  case grafanaDashboard = "grafana-dashboard"
}

extension Invocation {
  /// A policy for a made-up node would select nothing, so the node's name has to be given.
  func checkRendering() throws(Misuse) {
    let names = RenderedFile.allCases.map(\.rawValue).joined(separator: ", ")
    guard let word = operands.first else { throw Misuse(message: "render: expected one of \(names)") }
    guard let file = RenderedFile(rawValue: word) else {
      throw Misuse(message: "render: \"\(word)\" is none of \(names)")
    }
    if file == .ciliumPolicy, nodes.isEmpty {
      throw Misuse(message: "render cilium-policy: needs --node NAME or --node NAME=FILE, for each gateway")
    }
    if file != .ciliumPolicy, !nodes.isEmpty || ciliumVersion != nil {
      throw Misuse(message: "render \(word): --node and --cilium-version are for cilium-policy alone")
    }
  }

  static func node(_ parts: [String], _ rest: inout ArraySlice<String>) throws(Misuse) -> NamedNode {
    try value(parts, &rest, "a node's name, or NAME=FILE") { given in
      let halves = given.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard halves.allSatisfy({ !$0.isEmpty }) else { return nil }
      return NamedNode(name: halves[0], file: halves.count == 2 ? halves[1] : nil)
    }
  }
}

extension Tool {
  /// liteboxd-agent render
  func render() -> Int32 {
    attempt {
      guard let file = invocation.operands.first.flatMap(RenderedFile.init(rawValue:)) else {
        return ExitStatus.usage
      }
      switch file {
      case .ciliumPolicy: print(try ciliumPolicy(), to: 1)
      case .kustomization: print(Kustomization.text, to: 1)
      case .prometheusRules: print(PrometheusRules.text, to: 1)
      case .grafanaDashboard: print(GrafanaDashboard.text, to: 1)
      }
      return ExitStatus.success
    }
  }

  private func ciliumPolicy() throws(Refused) -> String {
    var gateways: [CiliumPolicy.Gateway] = []
    for node in invocation.nodes { gateways.append(try gateway(node)) }
    do throws(CiliumPolicyRefusal) {
      return try CiliumPolicy(gateways, for: invocation.ciliumVersion ?? .firstWithList).text
    } catch {
      Tool.complain("rendering the policy: \(error)")
      throw Refused(status: ExitStatus.configuration)
    }
  }

  private func gateway(_ node: Invocation.NamedNode) throws(Refused) -> CiliumPolicy.Gateway {
    let file = node.file ?? invocation.configurationPath
    guard case .gateway(let settings) = try configuration(at: file).configuration.role else {
      Tool.complain(
        "\(file): role is cloud, and node \(node.name) is to be a gateway; give its own configuration")
      throw Refused(status: ExitStatus.configuration)
    }
    return CiliumPolicy.Gateway(
      node: node.name, egressIP: settings.egressIP, excludedCIDRs: settings.excludedCIDRs, file: file)
  }
}
