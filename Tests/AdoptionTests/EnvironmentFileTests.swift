import Testing

@testable import Adoption

@Suite("An environment file is read as systemd reads it")
struct EnvironmentFileTests {
  @Test(
    "one line",
    arguments: [
      ("A=b", "b"), ("A=b\n", "b"), ("  A = b c  \n", "b c"), ("A=\n", ""), ("A=", ""), ("A=b\r\n", "b"),
      ("A='b c'", "b c"), ("A=\"b c\"", "b c"), ("A=\"b\\\"c\"", "b\"c"), ("A=\"b\\nc\"", "b\\nc"),
      ("A='b\\'", "b\\"), ("A=b'c'", "b'c'"), ("A='b'\"c\"", "bc"), ("A='b' c", "bc"), ("A=b\\ ", "b "),
      ("A=b\\\nc", "bc"), ("A=\"b\\\nc\"", "bc"), ("A='b\nc'", "b\nc"), ("A=b # c", "b # c"),
      ("A=b\nA=c\n", "c"),
      ("# A=x\nA=b", "b"), ("; A=x\nA=b", "b"), ("# x \\\nA=x\nA=b", "b"), ("nothing\nA=b", "b"),
    ])
  func line(_ text: String, _ value: String) {
    #expect(EnvironmentFile(parsing: Array(text.utf8)).values["A"] == value)
  }

  @Test("the recipe's own file")
  func recipe() {
    let text = "# ZeroTier egress 路由配置\nCLOUD_ZT_IP=10.147.17.2\nEGRESS_ZT_IP=10.147.17.1\n"
    #expect(
      EnvironmentFile(parsing: Array(text.utf8)).values
        == ["CLOUD_ZT_IP": "10.147.17.2", "EGRESS_ZT_IP": "10.147.17.1"])
  }

  @Test("names of routing tables stand behind their numbers")
  func tables() {
    let text = "#\n255\tlocal\n0x64 zerotier-egress # by hand\nx y\n 7 seven \n\n"
    #expect(
      routingTableNames(parsing: Array(text.utf8)) == ["local": 255, "zerotier-egress": 100, "seven": 7])
  }
}
