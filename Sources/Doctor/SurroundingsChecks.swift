import Model
import Report

// What else of the host decides what becomes of packets.

extension HostObservations {
  var forwardingJudgement: Judgement {
    guard let value = parameters.forwarding else { return .skipped("net.ipv4.ip_forward cannot be read") }
    let why = status == nil ? "" : ", and see who turns it off, or why the agent may not set it"
    guard value != 0 else {
      return .failed(
        "net.ipv4.ip_forward is 0: this host forwards nothing", "sysctl -w net.ipv4.ip_forward=1\(why)",
        .blocks)
    }
    let links = [tunnelLink?.name.text, wan.value?.link?.name.text].compactMap { $0 }
    if let off = links.first(where: { parameters.linkForwarding[$0] == 0 }) {
      return .failed(
        "forwarding is off on \(off): what comes in by it goes nowhere",
        "sysctl -w net.ipv4.conf.\(off.sysctlPart).forwarding=1\(why)", .blocks)
    }
    return .passed("on: " + (["net.ipv4.ip_forward"] + links).joined(separator: ", "))
  }

  /// The larger of `all` and the link's own counts (ip-sysctl.rst): 1 drops what comes from where no route leads back.
  var reversePathJudgement: Judgement {
    guard let all = parameters.reversePath["all"] else { return .skipped("rp_filter cannot be read") }
    if gateway != nil, let link = tunnelLink {
      let own = parameters.reversePath[link.name.text] ?? 0
      if max(all, own) == 1 {
        return .failed(
          "rp_filter is strict on \(link.name) (all \(all), its own \(own)): answers may be dropped",
          "sysctl -w net.ipv4.conf.\(link.name.text.sysctlPart).rp_filter=2")
      }
    }
    let strict = parameters.reversePath.filter { name, value in
      max(all, value) == 1 && (name.hasPrefix("cilium_") || name.hasPrefix("lxc"))
    }
    if gateway != nil, !strict.isEmpty {
      return .warned(
        "rp_filter is strict on Cilium's \(strict.keys.sorted().joined(separator: ", ")): pods' packets may be dropped",
        "sysctl -w net.ipv4.conf.all.rp_filter=2")
    }
    return .passed(
      tunnelLink.map { "\(max(all, parameters.reversePath[$0.name.text] ?? 0)) on \($0.name)" }
        ?? "all \(all)")
  }

  /// A full table drops new flows.
  var conntrackJudgement: Judgement {
    guard let count = parameters.conntrackCount, let limit = parameters.conntrackLimit, limit > 0 else {
      return .skipped("connection tracking is not loaded, or cannot be read")
    }
    let share = Double(count) / Double(limit)
    let evidence = "\(count) of \(limit) entries, \(percent(share))"
    let remedy =
      "sysctl -w net.netfilter.nf_conntrack_max=\(limit * 2), and see who opens the flows: conntrack -L"
    if share >= 0.95 { return .failed(evidence + ": new flows are dropped", remedy) }
    return share >= 0.8 ? .warned(evidence, remedy) : .passed(evidence)
  }

  /// What it redirects leaves with the pod's address unless its programs are on the tunnel too.
  var ciliumJudgement: Judgement {
    cilium.judged { cilium in
      let links = cilium.links.prefix(3).joined(separator: ", ")
      return cilium.tunnelPrograms.judged { isAttached in
        isAttached
          ? .passed("its programs are on the tunnel; it has \(links)")
          : .failed(
            "Cilium (\(links)) has no program on \(tunnelLink?.name.text ?? "the tunnel"): egress is not translated there",
            "name it in Cilium's devices, with the others: helm upgrade … --set devices='{eth0,zt+}', then restart Cilium",
            .blocks)
      }
    }
  }

  var networkdJudgement: Judgement {
    guard let networkd else { return .skipped("systemd-networkd does not run here") }
    let missing =
      (networkd.keepsRules ? [] : ["ManageForeignRoutingPolicyRules=no"])
      + (networkd.keepsRoutes ? [] : ["ManageForeignRoutes=no"])
    guard !missing.isEmpty else { return .passed("it keeps foreign rules and routes") }
    return .warned(
      "systemd-networkd removes rules and routes that are not its own",
      "\(missing.joined(separator: " and ")) below [Network] in /etc/systemd/networkd.conf.d/liteboxd.conf, then systemctl restart systemd-networkd"
    )
  }

  var networkManagerJudgement: Judgement {
    guard let networkManager else { return .skipped("NetworkManager does not run here") }
    return networkManager.leavesTunnelsAlone
      ? .passed("it is kept from ZeroTier's links")
      : .warned(
        "NetworkManager may manage ZeroTier's links",
        "unmanaged-devices+=interface-name:zt* below [keyfile] in /etc/NetworkManager/conf.d/liteboxd.conf, then nmcli general reload"
      )
  }
}

extension String {
  /// sysctl(8) takes a slash for a dot in a link's name.
  fileprivate var sysctlPart: String { String(map { $0 == "." ? "/" : $0 }) }
}
