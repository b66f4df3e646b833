import Glibc
import Synchronization

/// Clients that ask a listener of the agent's again and again, each time on a new connection, at a steady pace.
final class Askers: Sendable {
  struct Counts: Sendable {
    var asked = 0
    /// With status 200, and read to their end.
    var answered = 0
    /// With another status: told to come back.
    var putOff = 0
  }

  private let counts = Guarded(Counts())
  private let stopFlag = StopFlag()
  private let threads: [WorkerThread]
  private let began = Moment.now

  /// - Parameters:
  ///   - path: `/metrics`, say.
  ///   - perSecond: what cannot be kept up with is not made up for.
  init(_ perSecond: Int, for path: String, at place: Crowd.Place, in lab: Lab) throws {
    let (namespace, family, address) = try lab.resolve(place)
    let request = Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
    // One of them alone waits for its answer before it asks again.
    let clients = 4
    let body: @Sendable () throws -> Void = { [counts, stopFlag] in
      var next = Moment.now
      while !stopFlag.isRaised {
        let isAnswered = try Askers.ask(request, family, address)
        counts.withLock {
          $0.asked += 1
          if isAnswered { $0.answered += 1 } else { $0.putOff += 1 }
        }
        next = next + .nanoseconds(1_000_000_000 * Int64(clients) / Int64(perSecond))
        let now = Moment.now
        if next > now { pause(next - now) } else { next = now }
      }
    }
    threads = try (0..<clients).map { _ in try WorkerThread(in: namespace, body) }
    for thread in threads { lab.keep(thread, stoppedBy: stopFlag) }
  }

  private static func ask(_ request: [UInt8], _ family: Int32, _ address: SocketAddress) throws -> Bool {
    let socket = try Descriptor.socket(family, .stream, .blocking)
    let code = socket.connect(address)
    guard code == 0 else { throw LabError("asking the agent", errno: code) }
    guard sendSome(request, to: socket.number) == request.count else {
      throw LabError("asking the agent", errno: errno)
    }
    var head: [UInt8] = []
    while true {
      let bytes = receiveSome(from: socket.number)
      if bytes.isEmpty { break }
      if head.count < 16 { head += bytes.prefix(16) }
    }
    return String(decoding: head, as: UTF8.self).hasPrefix("HTTP/1.1 200")
  }

  var soFar: Counts { counts.withLock { $0 } }
  /// Questions in a second so far.
  var rate: Double { Double(soFar.asked) / (Moment.now - began).seconds }

  func stop() throws {
    stopFlag.raise()
    for thread in threads { try thread.join() }
  }
}
