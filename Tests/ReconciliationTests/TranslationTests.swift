import Configuration
import Model
import Testing

@testable import Reconciliation

@Suite("What gives reason to have flows begin anew")
struct TranslationTests {
  private func wan(_ addresses: String...) throws -> WAN {
    WAN(
      name: try #require(InterfaceName("eth0")),
      addresses: try addresses.map {
        InterfaceAddress(
          interface: InterfaceIndex(rawValue: 2), address: try #require(IPAddress($0)), prefixLength: 24)
      })
  }

  private func settings(_ snat: SourceNAT = .masquerade, sources: String = "10.147.17.0/24") throws
    -> CloudSettings
  {
    CloudSettings(sources: [try CIDR(parsing: sources)], snat: snat)
  }

  private func table(_ settings: CloudSettings, _ wan: WAN?) throws -> NftablesTable {
    let desired = DesiredState(
      .closed(tunnel: nil, wan: wan), settings, network: ZeroTierNetworkID(rawValue: 1),
      CloudSurroundings(networks: []))
    return try #require(desired.nftables)
  }

  /// What the kernel holds of a table, after somebody did something to it.
  private func plan(
    from found: NftablesTable, to table: NftablesTable, after damage: (inout ObservedNftablesTable) -> Void
  ) -> Plan {
    var observed = ObservedNftablesTable(ownership: .ours, comment: found.comment)
    for set in found.sets { observed.sets[set.name] = ObservedSet(set) }
    for set in found.dynamicSets { observed.sets[set.name] = ObservedSet(set) }
    for name in found.counters { observed.counters[name] = (0, 0) }
    observed.chains = found.chains.map { chain in
      let rules = chain.rules.map {
        ObservedNftablesRule(handle: 1, expressions: $0.expressions, comment: $0.comment)
      }
      return ObservedChain(chain.name, hook: chain.hook, rules: rules)
    }
    damage(&observed)
    var state = ObservedState()
    state.nftables = .present(observed)
    return Plan(from: state, to: DesiredState(nftables: table), as: .holder(.exclusive))
  }

  @Test("a repair of source NAT or of its sources, and none of anything else")
  func repairs() throws {
    let table = try table(settings(), wan("203.0.113.5"))
    func changes(_ damage: (inout ObservedNftablesTable) -> Void) -> Bool? {
      let plan = plan(from: table, to: table, after: damage)
      return plan.isEmpty ? nil : plan.changesTranslation
    }
    #expect(changes { _ in } == nil)
    for name in ["forward", "wan_guard"] {
      #expect(changes { $0.chains.removeAll { $0.name == name } } == false, "\(name)")
    }
    #expect(changes { $0.sets["zerotier"] = nil } == false)
    #expect(changes { $0.ownership = .orphan } == false)
    #expect(changes { $0.chains.removeAll { $0.name == "source_nat" } } == true)
    #expect(changes { found in for place in found.chains.indices { found.chains[place].rules = [] } } == true)
    #expect(changes { $0.sets["sources"] = ObservedSet(NftablesSet("sources", .ipv4, networks: [])) } == true)
    #expect(changes { $0.ownership = .none } == true)
  }

  @Test("another WAN, another address of it, another fixed address, other sources")
  func differences() throws {
    func translation(_ settings: CloudSettings, _ wan: WAN) -> Translation {
      Translation(settings, wan, loopback: [])
    }
    let first = translation(try settings(), try wan("203.0.113.5", "2001:db8::5"))
    #expect(try first == translation(settings(), wan("203.0.113.5", "2001:db8::6")))
    #expect(try first != translation(settings(), wan("203.0.113.6")))
    #expect(try first != translation(settings(sources: "10.147.17.1/32"), wan("203.0.113.5")))
    let fixed = try #require(IPAddress("203.0.113.7"))
    #expect(try first != translation(settings(.fixed(fixed)), wan("203.0.113.5")))
    let other = WAN(name: try #require(InterfaceName("eth1")), addresses: try wan("203.0.113.5").addresses)
    #expect(try first != translation(settings(), other))
  }

  @Test("what flows may leave as: the WAN's addresses, those of lo, the fixed one; unknown without any")
  func addresses() throws {
    let (own, host, fixed) = (
      try #require(IPAddress("203.0.113.5")), try #require(IPAddress("192.0.2.1")),
      try #require(IPAddress("203.0.113.7"))
    )
    func addresses(_ snat: SourceNAT, _ wan: WAN) throws -> Set<IPAddress>? {
      Translation(try settings(snat), wan, loopback: [host]).addresses
    }
    #expect(try addresses(.masquerade, wan("203.0.113.5", "169.254.7.7")) == [own, host])
    #expect(try addresses(.fixed(fixed), wan("203.0.113.5")) == [own, host, fixed])
    // The kernel takes another link's then.
    #expect(try addresses(.masquerade, wan("169.254.7.7")) == nil)
    #expect(try addresses(.masquerade, wan("2001:db8::5")) == nil)
  }
}
