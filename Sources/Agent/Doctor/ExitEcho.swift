import Configuration
import Doctor
import EventLoop
import Glibc
import Kernel
import Model

/// Sends each exit an echo request through the tunnel; one that is silent gets two more, since one may be lost.
struct ExitEcho {
  private let gateway: GatewaySettings
  private let networks: [CIDR]
  private static let rounds = 3

  /// - Parameter networks: the tunnel's, in which an exit has to be; empty: not known.
  init(_ gateway: GatewaySettings, _ networks: [CIDR]) {
    self.gateway = gateway
    self.networks = networks
  }

  func ask(through link: InterfaceName) throws(KernelError) -> [ExitReading] {
    let socket = try EchoSocket(from: gateway.egressIP, through: link)
    let silence = ExitRecord().lossProblem(gateway.probe.timeout)
    var readings = gateway.exits.map { exit in
      ExitReading(
        name: exit.name, roundTrip: nil, problem: ExitProber.outsideProblem(exit, of: networks) ?? silence)
    }
    for round in 0..<Self.rounds {
      var sent: [UInt16: MonotonicTime] = [:]
      for (place, exit) in gateway.exits.enumerated()
      where readings[place].roundTrip == nil && ExitProber.outsideProblem(exit, of: networks) == nil {
        let sequence = UInt16(round * gateway.exits.count + place)
        do throws(KernelError) {
          try socket.send(to: exit.address, sequence: sequence)
          sent[sequence] = .now
        } catch { readings[place].problem = "\(error)" }
      }
      if sent.isEmpty { break }
      collect(sent, by: socket, &readings)
    }
    return readings
  }

  /// Until all have answered, or the time is over.
  private func collect(
    _ sent: [UInt16: MonotonicTime], by socket: EchoSocket, _ readings: inout [ExitReading]
  ) {
    let deadline = MonotonicTime.now + gateway.probe.timeout
    var open = Set(sent.keys)
    while !open.isEmpty, MonotonicTime.now < deadline {
      var waiting = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 10) > 0 else { continue }
      for reply in socket.replies() {
        guard let start = sent[reply.sequence], open.contains(reply.sequence) else { continue }
        let place = Int(reply.sequence) % gateway.exits.count
        guard gateway.exits[place].address == reply.source else { continue }
        open.remove(reply.sequence)
        readings[place].roundTrip = MonotonicTime.now - start
        readings[place].problem = nil
      }
    }
  }
}
