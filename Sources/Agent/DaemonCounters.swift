import Kernel
import Model
import Reconciliation
import Report

/// What the kernel counts, read when somebody asks and not by passes.
extension Daemon {
  /// Reads the kernel's counters into the ledger.
  func readCounters() {
    do throws(KernelError) {
      let counters = try kernel.counters()
      for name in GuardCounter.allCases {
        guard let counter = counters[name.rawValue] else { continue }
        ledger.guardDrops[name.guardName, default: FollowedCounter()].follow(counter.packets)
      }
      ledger.counters.followForwarded(
        TrafficReading(
          out: .init(counters[TrafficCounter.out.rawValue]), in: .init(counters[TrafficCounter.in.rawValue])))
      try readGateways()
    } catch {
      log.write(.warning, "\(error)")
    }
    readTunnel()
  }

  /// What the tunnel's link carried. On a cloud server, what comes in by it is on its way out.
  private func readTunnel() {
    guard case .present(let link, _) = situation.facts(configuration.zerotier).interface,
      let counted = LinkTraffic.read(link.name)
    else { return }
    ledger.counters.followTunnel(
      cloud == nil
        ? TrafficReading(out: counted.sent, in: counted.received)
        : TrafficReading(out: counted.received, in: counted.sent))
  }
}

extension TrafficReading.Amount {
  /// Without a counter nothing was counted.
  fileprivate init(_ counter: (packets: UInt64, bytes: UInt64)?) {
    self.init(packets: counter?.packets ?? 0, bytes: counter?.bytes ?? 0)
  }
}

/// A link's own counters.
struct LinkTraffic: Equatable {
  let received: TrafficReading.Amount
  let sent: TrafficReading.Amount

  /// From /proc/net/dev (proc(5)), which is of this process's network namespace. nil without such a link.
  static func read(_ link: InterfaceName) -> LinkTraffic? {
    LinkTraffic(of: link.text, in: ProcessStatistics.text(of: "/proc/self/net/dev"))
  }

  /// A line is `name: ` and 16 numbers: octets and packets are the first two of eight each way. No name has a colon.
  init?(of link: String, in table: String) {
    for line in table.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), line[..<colon].drop(while: { $0 == " " }) == link else {
        continue
      }
      let numbers = line[line.index(after: colon)...].split(separator: " ").compactMap { UInt64($0) }
      guard numbers.count >= 10 else { return nil }
      received = .init(packets: numbers[1], bytes: numbers[0])
      sent = .init(packets: numbers[9], bytes: numbers[8])
      return
    }
    return nil
  }
}
