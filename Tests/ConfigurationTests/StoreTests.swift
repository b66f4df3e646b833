import Glibc
import Testing

@testable import Configuration

@Suite("The last good configuration")
struct StoreTests {
  private let scratch: Scratch
  private let store: ConfigurationStore

  init() throws {
    scratch = try Scratch()
    store = ConfigurationStore(directory: scratch("state"))
  }

  private func status(_ path: String) throws -> stat {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return status
  }

  @Test("what is kept comes back, after the file itself broke")
  func roundTrip() throws {
    let path = try scratch.write(gatewayText())
    let loaded = try loadConfiguration(at: path)
    #expect(try store.load(for: path) == nil)
    try store.save(loaded)
    try scratch.write("role: [")
    #expect(try store.load(for: path) == loaded)
  }

  @Test("only its owner may read it, and nothing else is left behind")
  func modes() throws {
    let path = try scratch.write(gatewayText())
    try store.save(try loadConfiguration(at: path))
    #expect(try status(store.directory).st_mode & 0o7777 == 0o700)
    #expect(try status(store.file(for: path)).st_mode & 0o7777 == 0o600)
    #expect(try status(store.directory).st_nlink == 2)
    #expect(access(store.directory + "/.new-" + escapedName(path), F_OK) == -1)
  }

  @Test("the same text is not written again, another one is")
  func unchanged() throws {
    let path = try scratch.write(gatewayText())
    try store.save(try loadConfiguration(at: path))
    let first = try status(store.file(for: path))
    try store.save(try loadConfiguration(at: path))
    #expect(try status(store.file(for: path)).st_ino == first.st_ino)
    try scratch.write(cloudText())
    try store.save(try loadConfiguration(at: path))
    #expect(try store.load(for: path)?.configuration.role.name == .cloud)
  }

  @Test("a temporary file that a crash left is replaced, whoever could read it and wherever it led")
  func leftover() throws {
    let loaded = try loadConfiguration(at: try scratch.write(gatewayText()))
    let fresh = "state/.new-" + escapedName(loaded.path)
    #expect(mkdir(store.directory, 0o700) == 0)
    try scratch.write(String(repeating: "x", count: 10_000), as: fresh, mode: 0o644)
    try store.save(loaded)
    #expect(try store.load(for: loaded.path) == loaded)
    #expect(try status(store.file(for: loaded.path)).st_mode & 0o7777 == 0o600)
    let other = try scratch.write("other", as: "other")
    #expect(unlink(store.file(for: loaded.path)) == 0 && symlink(other, scratch(fresh)) == 0)
    try store.save(loaded)
    #expect(try store.load(for: loaded.path) == loaded)
    #expect(try status(other).st_size == 5)
  }

  @Test("two files have two last good configurations")
  func twoFiles() throws {
    let a = try scratch.write(gatewayText(), as: "a.yaml")
    let b = try scratch.write(cloudText(), as: "b.yaml")
    try store.save(try loadConfiguration(at: a))
    try store.save(try loadConfiguration(at: b))
    #expect(try store.load(for: a)?.configuration.role.name == .gateway)
    #expect(try store.load(for: b)?.configuration.role.name == .cloud)
  }

  @Test("one that cannot be used is reported under its own path")
  func broken() throws {
    #expect(mkdir(store.directory, 0o700) == 0)
    try scratch.write("role: gatway\n", as: "state/etc-liteboxd-agent.yaml")
    let errors = try #require(throws: ConfigurationErrors.self) {
      try store.load(for: "/etc/liteboxd/agent.yaml")
    }
    #expect(errors.headline.path == store.directory + "/etc-liteboxd-agent.yaml")
    #expect(errors.all.contains { $0.key == "role" && $0.suggestion == "gateway" })
  }

  @Test("a directory is made with its parents, and one that cannot be made is an error with its name")
  func noDirectory() throws {
    let loaded = try loadConfiguration(at: try scratch.write(gatewayText()))
    let taken = ConfigurationStore(directory: try scratch.write("", as: "file") + "/state")
    let failure = try #require(throws: ConfigurationStore.Failure.self) { try taken.save(loaded) }
    let problem = "not a directory (ENOTDIR)"
    #expect(
      failure.description == "keeping state for the next start: making \(taken.directory): \(problem)")
    let deep = ConfigurationStore(directory: scratch("a/b/c"))
    try deep.save(loaded)
    #expect(try deep.load(for: loaded.path) == loaded)
  }

  @Test(
    "names are those of systemd-escape --path",
    arguments: [
      ("/etc/liteboxd/agent.yaml", "etc-liteboxd-agent.yaml"), ("/", "-"), ("//a/./b//c-d/", "a-b-c\\x2dd"),
      ("/.hidden/é f", "\\x2ehidden-\\xc3\\xa9\\x20f"), ("/a/../b", "b"), ("/../..", "-"),
      ("/a\n:_", "a\\x0a:_"),
    ])
  func names(_ path: String, _ name: String) { #expect(escapedName(path) == name) }

  @Test("a name too long for a file is the path's hash")
  func longNames() {
    let path = "/" + String(repeating: "-", count: 100)
    #expect(escapedName(path) == "sha256-" + sha256Digits(Array(path.utf8)))
  }
}
