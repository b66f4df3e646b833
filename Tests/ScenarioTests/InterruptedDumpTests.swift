import Glibc
import JSON
import Lab
import Testing

@Suite("S25: an interrupted dump is repeated, never acted upon", .serialized)
struct InterruptedDumpTests {
  /// Types of rtnetlink(7) and, with NFNL_SUBSYS_NFTABLES in front, of linux/netfilter/nf_tables.h, in which more
  /// than one object is dumped: what the agent would miss.
  enum Dump: UInt16, CaseIterable, Sendable {
    case links = 18
    case addresses = 22
    case routes = 26
    case rules = 34
    case nftablesTables = 0xa01
    case nftablesChains = 0xa04
    case nftablesRules = 0xa07
    case nftablesSets = 0xa0a
    case nftablesElements = 0xa0d
    case nftablesCounters = 0xa13
  }

  /// Reads all of the kernel each second, while the trace looks on.
  private func watched(_ middleman: NetlinkInterruption) throws -> (Stage, NetlinkTrace) {
    let stage = try Stage { $0.replacing("resyncInterval: 5s", with: "resyncInterval: 1s") }
    try stage.lab.namespace(.gateway).ip("addr add 192.0.2.7/32 dev lo")
    try stage.expectInSync()
    return (stage, try NetlinkTrace(stage.gateway, through: middleman))
  }

  @Test("it is read again at once, until it is whole, and nothing is changed on its basis")
  func repeated() throws {
    let interruption = NetlinkInterruption()
    let (stage, trace) = try watched(interruption)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      for dump in Dump.allCases {
        for look in [NetlinkInterruption.Look.flagged, .cut, .gone] {
          let asked = trace.requests.count
          interruption.interrupt(dump.rawValue, look, times: 3)
          // What follows on it shows that it went on.
          let next = eventually(within: .seconds(8)) {
            interruption.count == 3 && trace.requests.last?.type != dump.rawValue ? true : nil
          }
          #expect(next == true, "\(dump), \(look): \(interruption.count) were interrupted")
          expectRepeated(dump, 3, Array(trace.requests.dropFirst(asked)), "\(dump), \(look)")
        }
        #expect(trace.changes == 0, "\(dump): \(trace.requests.filter { $0.purpose == .change })")
      }
      #expect(try stage.state() == before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    let status = try #require(try stage.gateway.program.status())
    #expect(status["phase"] == "ready" && status["drift"]?["repairedTotal"] == 0, "\(status.text)")
    #expect(!trace.isOver)
    try trace.end(stage.gateway)
  }

  /// So many dumps of that type after each other are the same question, on the same socket, with nothing between.
  /// A dump of nothing before them may have been let through.
  private func expectRepeated(_ dump: Dump, _ times: Int, _ requests: [KernelRequest], _ place: String) {
    let isRepeated = requests.indices.contains { first in
      let tries = requests[first...].prefix(times + 1)
      return requests[first].type == dump.rawValue && requests[first].purpose == .question
        && tries.count == times + 1 && tries.allSatisfy { $0 == requests[first] }
    }
    #expect(isRepeated, "\(place): \(requests)")
  }

  @Test("the control: what is missing without a word is missed, and put right")
  func unsaid() throws {
    let interruption = NetlinkInterruption()
    let (stage, trace) = try watched(interruption)
    let before = try stage.state()
    for dump in Dump.allCases {
      let changes = trace.changes
      interruption.interrupt(dump.rawValue, .goneUnflagged, times: 6)
      let isActed = eventually(within: .seconds(8)) { trace.changes > changes ? true : nil }
      #expect(isActed == true, "\(dump): nothing was changed")
      interruption.relent()
      try stage.waitForState(before, within: .seconds(15))
    }
    try trace.end(stage.gateway)
  }

  @Test("while every dump is interrupted it is told, readings are few, and what stands stays")
  func lasting() throws {
    let interruption = NetlinkInterruption()
    let (stage, trace) = try watched(interruption)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      interruption.interrupt(nil, .cut, times: .max)
      let told = try eventually(within: .seconds(5), step: .milliseconds(50)) { () -> JSONValue? in
        let status = try stage.gateway.program.status()
        let reasons = status?["reasons"]?.array?.filter { $0["code"] == "kernel-refused" } ?? []
        return reasons.contains { $0["message"]?.string?.contains("changed during each of") ?? false }
          ? status : Optional.none
      }
      #expect(told?["phase"] == "degraded", "\(told?.text ?? stage.gateway.log)")
      let (asked, used) = (trace.requests.count, try processorTime(of: stage.gateway))
      stage.lab.letPass(.seconds(4))
      let dumps = trace.requests.count - asked
      // Eight passes in that time, by backoff and resync, of some thirteen dumps with thirty tries each.
      #expect(dumps < 8 * 13 * 30, "\(dumps) dumps")
      // Every message stops for the tracer, which counts as the agent's.
      let more = try processorTime(of: stage.gateway) - used
      #expect(more < 2, "\(more) s")
      #expect(trace.changes == 0)
      #expect(try stage.state() == before)
      interruption.relent()
      let healed = try eventually(within: .seconds(8), step: .milliseconds(50)) {
        try stage.gateway.program.status()?["phase"] == "ready" ? true : nil
      }
      #expect(healed == true, "\(stage.gateway.log.suffix(2000))")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try trace.end(stage.gateway)
  }
}
