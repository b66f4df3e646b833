import Foundation
import Testing

@Suite("The archive")
struct ArchiveTests {
  @Test("two runs make the same bytes, which hold what make install installs and how to go on")
  func archive() throws {
    try withTemporaryDirectory { directory in
      let first = try made()
      let kept = directory.appending(path: first.lastPathComponent)
      try FileManager.default.copyItem(at: first, to: kept)
      // Whoever runs it, and whatever they did with the umask.
      #expect(try made("sh", "-c", "umask 077; exec \"$@\"", "sh") == first)
      #expect(try run("cmp", kept.path, first.path).status == 0)
      let name = first.lastPathComponent.replacing(".tar.gz", with: "")
      let version = try run(releaseBinary.path, "version").output.split(separator: " ")[1]
      #expect(name.hasPrefix("liteboxd-agent-\(version)-linux-"))
      let unpacked = try run("tar", "-xzf", kept.path, "-C", directory.path)
      #expect(unpacked.status == 0, "\(unpacked.output)")
      let installed = directory.appending(path: "installed").path
      #expect(try run("make", "install", "DESTDIR=\(installed)", "RELEASE=\(releaseDirectory)").status == 0)
      let difference = try run("diff", "-r", installed, directory.appending(path: name).path).output
      #expect(difference == "Only in \(directory.appending(path: name).path): INSTALL\n")
      let owners = try run("tar", "-tzvf", kept.path, "--numeric-owner").output.split(separator: "\n")
      #expect(owners.allSatisfy { $0.split(separator: " ")[1] == "0/0" } && owners.count > 15)
    }
  }

  /// Makes it, by way of another program if one is given.
  private func made(_ wrapper: String...) throws -> URL {
    let directory = packageRoot.appending(path: ".build/dist")
    let made = try run(wrapper + ["make", "dist", "RELEASE=\(releaseDirectory)"])
    try #require(made.status == 0, "\(made.output)")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    try #require(names.count == 1)
    return directory.appending(path: names[0])
  }
}
