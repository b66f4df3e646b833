import Glibc

/// Lines to the echo server on one TCP connection, made before the first. When the connection breaks, all
/// further lines are refused: an established flow has no second life.
struct StreamProbe: TrafficProbe {
  private let descriptor: Descriptor

  init(from source: String?) throws {
    descriptor = try socket(.stream, to: Address.server, from: source)
    let code = descriptor.connect(try address(of: Address.server, port: 7))
    guard code == EINPROGRESS || code == 0 else { throw LabError("connecting a stream", errno: code) }
    var waiting = [pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)]
    guard waits(for: &waiting, until: .now + .seconds(5)), descriptor.pendingError == 0 else {
      throw LabError("connecting a stream to \(Address.server)", "no answer in 5 s")
    }
  }

  func send(_ sequence: UInt32) -> SendOutcome {
    let line = Array("lab \(sequence)\n".utf8)
    return sendSome(line, to: descriptor.number) == line.count ? .sent : .refused
  }

  func collect(until end: Moment, _ answered: (String?) -> Void) {
    var waiting = [pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)]
    while waits(for: &waiting, until: end) {
      let bytes = receiveSome(from: descriptor.number)
      if bytes.isEmpty {
        // Broken: nothing more comes, and poll(2) would say so at once for ever.
        pause(max(end - .now, .zero))
        return
      }
      for byte in bytes where byte == 0x0a { answered(nil) }
    }
  }
}
