import Glibc
import Testing

@testable import Configuration

@Suite("Which files are read")
struct FileTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// What refuses the file, without its name.
  private func refusal(_ path: String) -> String? {
    do throws(ConfigurationErrors) {
      _ = try loadConfiguration(at: path)
      return nil
    } catch {
      return String(error.headline.description.dropFirst(path.count + 2))
    }
  }

  @Test("a plain file is read, hashed and kept as it is")
  func plain() throws {
    let path = try scratch.write(gatewayText())
    let loaded = try loadConfiguration(at: path)
    #expect(loaded.configuration == (try parse(gatewayText())))
    #expect(loaded.text == Array(gatewayText().utf8))
    #expect(loaded.path == path)
    // FIPS 180-4's one-block example.
    #expect(
      sha256Digits(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(loaded.sha256 == sha256Digits(loaded.text))
  }

  @Test("what is no regular file is refused by its kind")
  func kinds() throws {
    #expect(refusal(scratch.path) == "is a directory; expected a regular file")
    #expect(mkfifo(scratch("fifo"), 0o600) == 0)
    #expect(refusal(scratch("fifo")) == "is a FIFO; expected a regular file")
    #expect(refusal("/dev/null") == "is a device; expected a regular file")
  }

  @Test("what is not there is refused with the error's name")
  func absent() throws {
    let missing = "opening: no such file or directory (ENOENT); create it, or name another file"
    #expect(refusal(scratch("none")) == missing)
    #expect(symlink("loop", scratch("loop")) == 0)
    #expect(
      refusal(scratch("loop"))
        == "opening: too many levels of symbolic links (ELOOP); its symbolic links lead in a circle")
    #expect(refusal("") == "no path of a file")
    #expect(refusal(try scratch.write("", as: "file") + "/below") == "opening: not a directory (ENOTDIR)")
  }

  @Test("a file that anyone may write is refused")
  func worldWritable() throws {
    let path = try scratch.write(gatewayText(), mode: 0o666)
    #expect(refusal(path) == "may be written by everybody, and so steers this host's traffic; chmod o-w it")
  }

  @Test("an empty file and one of 16 MiB are refused; one of 8 MiB is read")
  func sizes() throws {
    #expect(refusal(try scratch.write("")) == "is empty; expected at least role and zerotier.networkID")
    let comment = "#" + String(repeating: "x", count: 8 << 20)
    #expect(refusal(try scratch.write(comment + comment)) == "is larger than 8 MiB")
    let filled = gatewayText() + comment.dropLast(gatewayText().utf8.count + 1)
    #expect(refusal(try scratch.write(filled)) == nil)
  }

  @Test("a cut-off file is refused at its end or for what is missing, wherever it was cut")
  func truncated() throws {
    let text = gatewayText()
    // Less than the last line's exit.
    for length in stride(from: 1, to: text.utf8.count - 20, by: 7) {
      let path = try scratch.write(String(text.prefix(length)))
      #expect(refusal(path) != nil, "cut after \(length) bytes")
    }
  }

  @Test("a file that changes while it is read is read again, and refused if that does not end")
  func changing() throws {
    let path = try scratch.write(gatewayText())
    var changes = 0
    func write(upTo last: Int) {
      changes += 1
      guard changes <= last else { return }
      do {
        try scratch.write(String(repeating: "#", count: changes))
      } catch {
        Issue.record(error)
      }
    }
    let read = try TrustedFile.read(path) { write(upTo: 2) }
    #expect(read == Array("##".utf8) && changes == 3)
    let endless = { try TrustedFile.read(path) { write(upTo: .max) } }
    #expect(throws: FileRefusal.self) { try endless() }
    #expect(changes == 8)
  }

  @Test("a swapped symbolic link, as a ConfigMap has it, leads to the new file")
  func swappedLink() throws {
    #expect(mkdir(scratch("..1"), 0o755) == 0 && mkdir(scratch("..2"), 0o755) == 0)
    try scratch.write(gatewayText(), as: "..1/agent.yaml")
    try scratch.write(cloudText(), as: "..2/agent.yaml")
    #expect(symlink("..1", scratch("..data")) == 0)
    #expect(symlink("..data/agent.yaml", scratch("agent.yaml")) == 0)
    #expect(try loadConfiguration(at: scratch("agent.yaml")).configuration.role.name == .gateway)
    #expect(symlink("..2", scratch("..new")) == 0)
    #expect(rename(scratch("..new"), scratch("..data")) == 0)
    #expect(try loadConfiguration(at: scratch("agent.yaml")).configuration.role.name == .cloud)
  }
}

@Suite("Texts made to exhaust the reader")
struct ExhaustionTests {
  @Test("a billion laughs, which are refused at the first anchor")
  func laughs() {
    var text = "a0: &a0 [lol, lol]\n"
    for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    let lines = refusals(text)
    #expect(lines.count == 20)
    #expect(lines.first == "1:5: a0: an anchor (&) is not supported; remove it")
  }

  @Test("a megabyte of brackets, braces, dashes, keys or values", .timeLimit(.minutes(5)))
  func megabytes() {
    for unit in ["[", "{", "- ", "? ", "{a: ", "[a, "] {
      let line = refusals(String(repeating: unit, count: (1 << 20) / unit.count)).first ?? ""
      let reasons = ["nested deeper than 16 levels", "not valid YAML", "expected a key"]
      #expect(reasons.contains { line.contains($0) }, "\(unit): \(line)")
    }
    let items = refusals("a: [" + String(repeating: "1,", count: 500_000) + "]\n")
    #expect(items == ["1:799999: a[399997]: more than 400000 values"])
    let keys = refusals((0..<40_000).map { "k\($0): 1\n" }.joined())
    #expect(keys.count == 20)
    #expect(refusals("k: " + String(repeating: "x", count: 1 << 20)).count == 3)
    #expect(refusals("\"" + String(repeating: "k", count: 1 << 20) + "\": 1").count == 1)
  }
}
