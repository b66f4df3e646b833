import Model
import Testing

@testable import Adoption

@Suite("iptables entries")
struct IptablesTests {
  private func listing(_ table: String, _ lines: String...) -> IptablesListing {
    IptablesListing(parsing: (["*\(table)"] + lines + ["COMMIT", ""]).joined(separator: "\n"))
  }

  @Test("words keep together in quotes")
  func words() {
    #expect(
      IptablesListing.words("-A X -m comment --comment \"a \\\"b\\\" c\" -j ACCEPT")
        == ["-A", "X", "-m", "comment", "--comment", "a \"b\" c", "-j", "ACCEPT"])
  }

  @Test(
    "the recipe's are known by every word of them",
    arguments: [
      ("nat", "-A POSTROUTING -s 10.147.17.0/24 -o eth0 -j MASQUERADE", "masquerade"),
      ("nat", "[3:180] -A POSTROUTING -s 10.147.17.0/24 -o eth0 -j MASQUERADE", "masquerade"),
      (
        "nat", "-A POSTROUTING -s 10.147.17.1/32 -o eth0 -m comment --comment \"a b\" -j MASQUERADE",
        "masquerade"
      ),
      ("filter", "-A FORWARD -i zt+ -o eth0 -j ACCEPT", "out"),
      ("filter", "-A FORWARD -i ztabcdefgh -o eth0 -j ACCEPT", "out"),
      ("filter", "-A FORWARD -i eth0 -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT", "back"),
      ("filter", "-A FORWARD -i eth0 -o zt+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "back"),
      // Others'.
      ("nat", "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE", ""),
      ("nat", "-A POSTROUTING -o eth0 -j MASQUERADE", ""),
      ("nat", "-A POSTROUTING -s 10.147.17.0/24 -o eth0 -j SNAT --to-source 1.2.3.4", ""),
      ("nat", "-A POSTROUTING -s 10.147.17.0/24 -d 10.0.0.0/8 -o eth0 -j MASQUERADE", ""),
      ("nat", "-A KUBE-POSTROUTING -s 10.147.17.0/24 -o eth0 -j MASQUERADE", ""),
      ("filter", "-A FORWARD -i eth0 -o zt+ -j ACCEPT", ""),
      ("filter", "-A FORWARD -i zt+ -o eth0 -j DROP", ""),
      ("filter", "-A FORWARD -i zt+ -o eth0 -p tcp -j ACCEPT", ""),
      ("filter", "-A INPUT -i zt+ -j ACCEPT", ""), ("filter", "-A FORWARD -i zt+ -o zt+ -j ACCEPT", ""),
    ])
  func recipe(_ table: String, _ line: String, _ kind: String) {
    let found = listing(table, line).recipeEntries.first.map { entry in
      switch entry.role {
      case .masquerade(_, let wan): wan.text == "eth0" ? "masquerade" : "?"
      case .forwardOut(let wan): wan.text == "eth0" ? "out" : "?"
      case .forwardBack(let wan): wan.text == "eth0" ? "back" : "?"
      }
    }
    #expect(found ?? "" == kind)
  }

  @Test("an entry is deleted by the words that it is listed with")
  func deletion() throws {
    let entry = try #require(listing("nat", "-A POSTROUTING -s 10.0.0.0/8 -o e -j MASQUERADE").entries.first)
    #expect(entry.deletion.joined(separator: " ") == "-t nat -D POSTROUTING -s 10.0.0.0/8 -o e -j MASQUERADE")
    #expect(entry.line == 1)
  }

  @Test(
    "whether FORWARD drops anything is found through the chains that it leads to",
    arguments: [
      ([":FORWARD ACCEPT [0:0]", "-A FORWARD -i zt+ -o eth0 -j ACCEPT"], false),
      ([":FORWARD DROP [0:0]"], true),
      ([":FORWARD ACCEPT [0:0]", "-A FORWARD -j REJECT --reject-with x"], true),
      ([":FORWARD ACCEPT [0:0]", "-A FORWARD -j A", "-A A -j B", "-A B -p tcp -j DROP"], true),
      (
        [":FORWARD ACCEPT [0:0]", ":INPUT DROP [0:0]", "-A A -j DROP", "-A FORWARD -j B", "-A B -g B"], false
      ),
      ([], false),
    ] as [([String], Bool)])
  func drops(_ lines: [String], _ drops: Bool) {
    #expect(IptablesListing(parsing: (["*filter"] + lines).joined(separator: "\n")).dropsForwarded == drops)
  }
}
