import Foundation
import JSON
import Lab
import Testing

@Suite("S32: the status socket's place and who gets in", .serialized)
struct StatusSocketTests {
  @Test("a stale socket is replaced, and another's file in its place stays as it is and is told of")
  func place() throws {
    let stage = try Stage()
    let path = stage.gateway.program.socket
    stage.gateway.kill()
    #expect(FileManager.default.fileExists(atPath: path))
    let second = try stage.lab.startAgent(on: .gateway)
    try second.waitFor(phase: "ready", within: .seconds(5))
    second.kill()
    try Command(["sh", "-c", "rm \(path); echo mine > \(path); chmod 0640 \(path)"]).output()
    let third = try stage.lab.startAgent(on: .gateway)
    let told = eventually(within: .seconds(5)) { third.log.contains("\(path)") ? true : nil }
    #expect(told == true)
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    try stage.lab.namespace(.gateway).ip("rule del priority 150")
    let time = eventually(within: .seconds(3)) { watch.repairTime(since: start, of: .rule) }
    #expect(time != nil, "\(third.log)")
    try watch.stop()
    #expect(try Command(["cat", path]).output() == "mine\n")
    try Command(["rm", path]).output()
    // Listeners are tried again with each resync.
    try third.waitFor(phase: "ready", within: .seconds(8))
  }

  @Test("only root and the configured group get in")
  func access() throws {
    let stage = try Stage { configuration in
      configuration.replacing("status:\n", with: "status:\n  group: daemon\n")
    }
    let path = stage.gateway.program.socket
    let directories = [
      stage.lab.directory, path.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" },
      stage.gateway.program.runtimeDirectory,
    ]
    try Command(["chmod", "o+x"] + directories).output()
    func ask(_ identity: [String], _ words: [String]) throws -> Command.Result {
      try Command(["setpriv"] + identity + ["curl", "-s", "--max-time", "2", "--unix-socket", path] + words)
        .run()
    }
    let nobody = ["--reuid=65534", "--regid=65534"]
    let status = ["http://x/status"]
    #expect(try ask(nobody + ["--clear-groups"], status).status == .exited(7))
    let member = nobody + ["--groups=daemon"]
    let answer = try ask(member, status)
    #expect(answer.status == .exited(0) && answer.stdout.contains("\"phase\""), "\(answer)")
    for order in ["reload", "exit"] {
      let refusal = try ask(member, ["-X", "POST", "http://x/\(order)"])
      #expect(refusal.stdout == "only root may change anything\n", "\(refusal)")
    }
    #expect(try Command(["curl", "-s", "--unix-socket", path] + status).output().contains("\"phase\""))
    let nothing = try Command(["curl", "-s", "--unix-socket", path, "http://x/%0a"]).output()
    #expect(nothing == "no such thing: /%0a\n")
    #expect(try Command(["stat", "-c", "%a %U %G", path]).output() == "660 root daemon\n")
  }
}
