import Foundation
import JSON
import Lab
import Testing

/// How a thousand clients of a listener behave who keep coming.
enum BadManners: String, CaseIterable, Sendable {
  case idle, slowReader, slowWriter, garbage, hugeHeader, endlessBody

  /// - Parameter path: what is asked for.
  func manners(askingFor path: String) -> StandingCrowd.Manners {
    var manners = StandingCrowd.Manners()
    switch self {
    case .idle: break
    // Each wants a whole answer, and reads none of it.
    case .slowReader: manners.words = Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    case .slowWriter:
      manners.words = Array("GET \(path) HTTP/1.1\r\n".utf8)
      manners.murmur = Array("x: y\r\n".utf8)
    case .garbage: manners.words = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 3) }
    case .hugeHeader:
      manners.words = Array("GET \(path) HTTP/1.1\r\nX: \(String(repeating: "y", count: 100_000))".utf8)
    case .endlessBody:
      manners.words = Array("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n".utf8)
      manners.murmur = Array("body".utf8)
    }
    return manners
  }
}

/// Repairs of one rule, timed by the kernel's own events.
struct RepairTimes: CustomStringConvertible {
  private var sorted: [Duration] = []

  init(of count: Int, in lab: Lab) throws {
    let watch = try KernelWatch(.gateway, in: lab)
    for _ in 0..<count {
      let start = Moment.now
      try lab.namespace(.gateway).ip("rule del priority 150")
      let time = eventually(within: .seconds(5)) { watch.repairTime(since: start, of: .rule) }
      sorted.append(try #require(time, "not repaired after 5 s"))
    }
    try watch.stop()
    sorted.sort()
  }

  var median: Duration { sorted[sorted.count / 2] }
  /// The longest of a few dozen.
  var longest: Duration { sorted[sorted.count - 1] }
  var description: String { "median \(median), longest \(longest)" }
}

@Suite("S32, S33: a listener has a thousand bad clients", .serialized)
struct CrowdTests {
  enum Listener: String, CaseIterable, Sendable { case statusSocket, metrics }

  private struct Usage {
    let kilobytes: Int
    let descriptors: Int

    init(of agent: AgentProcess) throws {
      let status = try String(contentsOfFile: "/proc/\(agent.pid)/status", encoding: .utf8)
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? -1
      descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(agent.pid)/fd").count
    }
  }

  private func place(_ listener: Listener, _ stage: Stage) -> (Crowd.Place, path: String) {
    switch listener {
    case .statusSocket: (.unix(stage.gateway.program.socket), "/status")
    case .metrics: (.tcp(.gateway, port: 9479), "/metrics")
    }
  }

  /// What an honest client is told, and how soon; curl(1) itself takes some of the time.
  private func ask(_ listener: Listener, _ stage: Stage) throws -> (status: String, took: Duration) {
    let way =
      switch listener {
      case .statusSocket: ["--unix-socket", stage.gateway.program.socket, "http://x/status"]
      case .metrics: ["http://127.0.0.1:9479/metrics"]
      }
    let start = Moment.now
    let result = try stage.lab.namespace(.gateway)
      .execute(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"] + way).run()
    return (result.stdout, Moment.now - start)
  }

  @Test(
    "repairs keep their pace, an honest client gets in or is told why not, and costs are bounded",
    arguments: Listener.allCases)
  func crowd(_ listener: Listener) throws {
    let stage = try Stage { $0.replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"") }
    let (place, path) = place(listener, stage)
    let before = try Usage(of: stage.gateway)
    let quiet = try RepairTimes(of: 25, in: stage.lab)
    for manners in BadManners.allCases {
      let crowd = try stage.lab.startStandingCrowd(1000, at: place, manners.manners(askingFor: path))
      let crowded = try RepairTimes(of: 25, in: stage.lab)
      // The loop finishes what it is at for one client, a whole answer at the most, and epoll(7) may hand out others
      // first; the rest is for the crowd's own time on the processors.
      #expect(crowded.median < quiet.median * 3 + .milliseconds(10), "\(manners): \(quiet), \(crowded)")
      #expect(crowded.longest < .milliseconds(250), "\(manners): \(quiet), \(crowded)")
      var told: [String] = []
      for _ in 0..<5 {
        let (status, took) = try ask(listener, stage)
        told.append(status)
        #expect(took < .seconds(1), "\(manners)")
      }
      #expect(told.allSatisfy { ["200", "503"].contains($0) }, "\(manners): \(told)")
      if manners != .slowReader { #expect(told.contains("200"), "\(manners): \(told)") }
      // It asks again while it is told to.
      #expect(try stage.gateway.status() != nil, "\(manners)")
      let usage = try Usage(of: stage.gateway)
      #expect(usage.descriptors - before.descriptors < 100, "\(manners): \(usage)")
      #expect(usage.kilobytes - before.kilobytes < 32_000, "\(manners): \(usage)")
      #expect(crowd.count > 1000, "nobody came again")
      try crowd.stop()
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(15))
    try stage.expectInSync()
  }
}
