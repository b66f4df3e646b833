import Foundation
import TestPeers
import Testing

@testable import Agent

@Suite("The files of other managers")
struct ManagerFilesTests {
  private func write(_ text: String, _ path: String, below root: String) throws {
    let file = URL(fileURLWithPath: root + path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  @Test("of systemd-networkd are read in its order, the nearer in place of the farther of one name")
  func networkd() throws {
    let directory = TemporaryDirectory()
    let files = ManagerFiles(root: directory.path)
    #expect(files.networkd.isEmpty)
    try write("far", "/usr/lib/systemd/networkd.conf", below: directory.path)
    try write("z", "/usr/lib/systemd/networkd.conf.d/90-z.conf", below: directory.path)
    try write("hidden", "/usr/lib/systemd/networkd.conf.d/10-a.conf", below: directory.path)
    try write("a", "/etc/systemd/networkd.conf.d/10-a.conf", below: directory.path)
    try write("no", "/etc/systemd/networkd.conf.d/20.bak", below: directory.path)
    #expect(files.networkd == ["far", "a", "z"])
    try write("near", "/etc/systemd/networkd.conf", below: directory.path)
    #expect(files.networkd == ["near", "a", "z"])
  }

  @Test("of NetworkManager say whether it leaves ZeroTier's links alone")
  func networkManager() throws {
    let directory = TemporaryDirectory()
    let files = ManagerFiles(root: directory.path)
    #expect(!files.leaveTunnelsToOthers)
    try write(
      "[keyfile]\nunmanaged-devices=interface-name:zt0;mac:00", "/etc/NetworkManager/NetworkManager.conf",
      below: directory.path)
    #expect(!files.leaveTunnelsToOthers)
    try write(
      "[keyfile]\nunmanaged-devices+=interface-name:zt*\n", "/usr/lib/NetworkManager/conf.d/l.conf",
      below: directory.path)
    #expect(files.leaveTunnelsToOthers)
  }
}
