import Glibc

/// Hears the answers to ICMP echo requests that reach a node, whoever asked: the kernel gives a copy to every raw
/// socket (raw(7)).
public final class EchoWatch: Sendable {
  public struct Reply: Hashable, Sendable {
    public let time: Moment
    public let source: String
  }

  private let stopFlag = StopFlag()
  private let thread: WorkerThread
  private let heard = Guarded<[Reply]>([])

  /// Listens as soon as this returns.
  public init(_ node: Node, in lab: Lab) throws {
    let socket = try lab.namespace(node).inside {
      let socket = try Descriptor.socket(AF_INET, .raw, .nonblocking, protocol: Int32(IPPROTO_ICMP))
      try socket.setOption(SOL_SOCKET, SO_RCVBUF, 1 << 20)
      return socket
    }
    let (heard, flag) = (heard, stopFlag)
    thread = try WorkerThread(in: nil) {
      preferThisThread()
      var waiting = [pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)]
      while !flag.isRaised {
        guard poll(&waiting, 1, 50) > 0 else { continue }
        let now = Moment.now
        while let (bytes, from) = socket.receive(limit: 2048) {
          // Behind the IP header, whose length is in words: type 0 (RFC 792).
          guard let first = bytes.first, bytes.dropFirst(Int(first & 0x0f) * 4).first == 0 else { continue }
          heard.withLock { $0.append(Reply(time: now, source: from.host)) }
        }
      }
    }
    lab.keep(thread, stoppedBy: stopFlag)
  }

  /// In the order in which they came.
  public func replies(from source: String, since moment: Moment) -> [Reply] {
    heard.withLock { $0 }.filter { $0.source == source && $0.time >= moment }
  }

  public func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}
