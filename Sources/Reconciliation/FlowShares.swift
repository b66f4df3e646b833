import Configuration
import Model

/// How the kernel shares flows among exits: the next hops of one route (ip-route(8), `nexthop`).
///
/// The kernel gives each hop a part of a flow's hash as large as its weight, in the order of the hops. An exit that
/// leaves keeps its place in that order, and its part is split among those that stay: none of their flows moves.
enum FlowShares {
  struct Hop: Equatable {
    let exit: Exit
    var weight: Int
  }

  /// A next hop's weight has eight bits (`rtnh_hops`, linux/rtnetlink.h).
  static let largestWeight = 256
  /// Of the hops of one route; one exit of few leaves well below.
  static let mostHops = 128

  /// - Parameters:
  ///   - all: the configuration's exits, in its order.
  ///   - usable: those of them that carry traffic; not empty.
  static func hops(_ all: [Exit], usable: [Exit]) -> [Hop] {
    let whole = usable.map(\.weight).reduce(0, +)
    var hops: [Hop] = []
    for exit in all {
      let parts =
        usable.contains(exit)
        ? [Hop(exit: exit, weight: whole)] : usable.map { Hop(exit: $0, weight: $0.weight) }
      for part in parts {
        let weight = part.weight * exit.weight
        if let last = hops.last, last.exit == part.exit {
          hops[hops.count - 1].weight += weight
        } else {
          hops.append(Hop(exit: part.exit, weight: weight))
        }
      }
    }
    let divisor = hops.map(\.weight).reduce(0, greatestCommonDivisor)
    for place in hops.indices { hops[place].weight /= max(divisor, 1) }
    let fits = hops.count <= mostHops && hops.allSatisfy { $0.weight <= largestWeight }
    // Too many parts for the kernel: the shares are right all the same, and more flows move.
    return fits ? hops : usable.map { Hop(exit: $0, weight: $0.weight) }
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}
