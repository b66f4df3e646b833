import Glibc

/// Carries Ethernet frames between the stand-ins of a lab: a Unix datagram socket each, in the lab's directory.
struct FrameSwitch {
  let node: Node
  private let directory: String
  private let socket: Descriptor
  /// Which node a hardware address was last heard from.
  private var places: [UInt64: Node] = [:]
  private var dropped: Set<Node> = []
  /// Whether the network carries anything at all for this node.
  var isOpen = true

  init(node: Node, directory: String) throws(LabError) {
    self.node = node
    self.directory = directory
    socket = try Descriptor.socket(AF_UNIX, .datagram, .nonblocking)
    let path = FrameSwitch.path(of: node, in: directory)
    unlink(path)
    guard let address = SocketAddress(path: path) else { throw LabError("binding to \(path)", "too long") }
    try socket.bind(address, called: path)
    try socket.setOption(SOL_SOCKET, SO_SNDBUF, 4 << 20)
  }

  var descriptor: Int32 { socket.number }

  private static func path(of node: Node, in directory: String) -> String { "\(directory)/frames-\(node)" }

  mutating func drop(_ peer: Node?) {
    if let peer { dropped.insert(peer) } else { dropped = Set(Node.allCases) }
  }

  mutating func pass() {
    isOpen = true
    dropped = []
  }

  /// To the node of the frame's destination, or to all when that is not known. A full queue drops, as a
  /// network does.
  func send(_ frame: [UInt8]) {
    guard isOpen, frame.count >= 14 else { return }
    let known = places[FrameSwitch.address(frame[0..<6])].map { [$0] }
    for peer in known ?? [.gateway, .cloudA, .cloudB] where peer != node && !dropped.contains(peer) {
      if let address = SocketAddress(path: FrameSwitch.path(of: peer, in: directory)) {
        socket.send(frame, to: address)
      }
    }
  }

  /// The next frame that came in and is not dropped; nil when there is none.
  mutating func receive() -> [UInt8]? {
    while let (frame, from) = socket.receive(limit: 4096) {
      let sender = Node.allCases.first { from.path == FrameSwitch.path(of: $0, in: directory) }
      guard isOpen, frame.count >= 14, let sender, !dropped.contains(sender) else { continue }
      places[FrameSwitch.address(frame[6..<12])] = sender
      return frame
    }
    return nil
  }

  private static func address(_ octets: ArraySlice<UInt8>) -> UInt64 {
    octets.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
