import Model
import Testing

@Suite("Addresses and networks")
struct AddressTests {
  @Test(
    "addresses read and print as inet_pton and inet_ntop do",
    arguments: ["10.147.17.1", "::", "fd00::1", "255.255.255.255"])
  func addresses(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address.description == text)
    #expect(IPAddress(networkOrder: address.networkOrder) == address)
  }

  @Test(
    "what is no address is none",
    arguments: ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "fd00::1%zt0", "1.2.3.4\0"])
  func noAddresses(_ text: String) { #expect(IPAddress(text) == nil) }

  @Test("host bits are refused and the network meant is named")
  func hostBits() throws {
    let meant = try CIDR(parsing: "10.147.17.0/24")
    #expect(throws: CIDR.Invalid.hostBits(network: meant)) { try CIDR(parsing: "10.147.17.5/24") }
    #expect(throws: CIDR.Invalid.prefixLength(maximum: 32)) { try CIDR(parsing: "10.0.0.0/33") }
    #expect(throws: CIDR.Invalid.prefixLength(maximum: 32)) { try CIDR(parsing: "10.0.0.0/+8") }
    #expect(throws: CIDR.Invalid.notAnAddress) { try CIDR(parsing: "ten/8") }
  }

  @Test("a network contains its own and overlaps what it shares")
  func containment() throws {
    let wide = try CIDR(parsing: "10.0.0.0/8")
    let narrow = try CIDR(parsing: "10.147.17.0/24")
    #expect(wide.contains(narrow) && !narrow.contains(wide))
    #expect(wide.overlaps(narrow) && narrow.overlaps(wide))
    #expect(!wide.contains(IPAddress("11.0.0.0")!))
    #expect(!CIDR.everything(.ipv4).contains(IPAddress("::1")!))
    #expect(wide.last == IPAddress("10.255.255.255")!)
    #expect([narrow, wide].withoutContained() == [wide])
  }

  @Test(
    "networks are aggregated to the fewest that hold exactly the same addresses",
    arguments: [
      ("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8"), ("10.128.0.0/9 11.0.0.0/9", "10.128.0.0/9 11.0.0.0/9"),
      ("10.0.3.0/24 10.0.2.0/24 10.0.0.0/23 10.0.0.7/32", "10.0.0.0/22"),
      ("0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0"), ("255.255.255.255/32 255.255.255.254/32", "255.255.255.254/31"),
      ("fd00::/65 fd00:0:0:0:8000::/65 10.0.0.0/32", "10.0.0.0/32 fd00::/64"), ("", ""),
    ])
  func aggregation(_ written: String, _ wanted: String) throws {
    func networks(_ text: String) throws -> [CIDR] {
      try text.split(separator: " ").map { try CIDR(parsing: $0) }
    }
    #expect(try networks(written).aggregated() == networks(wanted))
  }

  @Test("ZeroTier's IPv6 prefixes follow from the network")
  func zeroTierPrefixes() throws {
    let network = try #require(ZeroTierNetworkID("8056c2e21c000001"))
    #expect(
      network.ipv6Prefixes.map(\.description) == ["fd80:56c2:e21c:0:199:9300::/88", "fc9c:56c2:e300::/40"])
  }
}
