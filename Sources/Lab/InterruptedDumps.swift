/// Dumps whose objects change while they are made.
public enum Dumped: Sendable {
  case addresses, rules

  /// RTM_GETADDR, RTM_GETRULE, and the family's header for IPv4.
  fileprivate var question: (type: UInt16, header: [UInt8]) {
    switch self {
    case .addresses: (22, [2] + [UInt8](repeating: 0, count: 7))
    case .rules: (34, [2] + [UInt8](repeating: 0, count: 11))
    }
  }
}

extension Lab {
  /// Asks so many times for a dump, and hands back of each how many messages had NLM_F_DUMP_INTR and how many objects
  /// were in it.
  public func dump(_ dumped: Dumped, on node: Node, times: Int) throws -> [(interrupted: Int, objects: Int)] {
    try namespace(node).inside {
      let socket = try RoutingSocket()
      return try (0..<times).map { _ in
        let before = socket.interrupted
        let objects = try socket.dump(dumped.question.type, header: dumped.question.header)
        return (socket.interrupted - before, objects.count)
      }
    }
  }
}
