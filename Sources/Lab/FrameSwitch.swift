import Glibc

/// Carries Ethernet frames between the stand-ins of a lab: a Unix datagram socket each, in the lab's directory.
struct FrameSwitch {
  private let socket: Descriptor
  private let peers: [Peer]
  /// From which peer, by its place in the list, a hardware address was last heard.
  private var places: [UInt64: Int] = [:]
  private var dropped: Set<Node> = []
  private var delays: [Node: ClosedRange<Duration>] = [:]
  /// Frames that are on their way still, the next one first.
  private var underway: [(due: Moment, frame: [UInt8])] = []
  /// Whether the network carries anything at all for this node.
  var isOpen = true

  /// Where another node's stand-in is. Made once: thousands of frames go there in a second.
  private struct Peer {
    let node: Node
    let address: SocketAddress
  }

  /// Octets of the longest frame that is carried.
  static let longest = 4096

  init(node: Node, directory: String) throws(LabError) {
    func address(_ node: Node) throws(LabError) -> SocketAddress {
      let path = "\(directory)/frames-\(node)"
      guard let address = SocketAddress(path: path) else { throw LabError("binding to \(path)", "too long") }
      return address
    }
    var peers: [Peer] = []
    for peer in Node.allCases where peer != node && peer.tunnelAddress != nil {
      peers.append(Peer(node: peer, address: try address(peer)))
    }
    self.peers = peers
    socket = try Descriptor.socket(AF_UNIX, .datagram, .nonblocking)
    let own = try address(node)
    unlink(own.path)
    try socket.bind(own, called: own.path)
    try socket.setOption(SOL_SOCKET, SO_SNDBUF, 4 << 20)
  }

  var descriptor: Int32 { socket.number }

  mutating func drop(_ peer: Node?) {
    if let peer { dropped.insert(peer) } else { dropped = Set(Node.allCases) }
  }

  mutating func pass() {
    isOpen = true
    dropped = []
  }

  mutating func pass(_ peer: Node) { dropped.remove(peer) }

  /// What comes from that peer takes a time in this range, each frame its own.
  mutating func delay(_ peer: Node, by range: ClosedRange<Duration>) {
    delays[peer] = range.upperBound > .zero ? range : nil
  }

  /// When the next frame that is on its way arrives.
  var nextDue: Moment? { underway.first?.due }

  /// To the node of the frame's destination, or to all when that is not known. A full queue drops, as a
  /// network does.
  func send(_ frame: UnsafeRawBufferPointer) {
    guard isOpen, frame.count >= 14 else { return }
    if let place = places[FrameSwitch.address(frame, at: 0)] {
      send(frame, to: peers[place])
    } else {
      for peer in peers { send(frame, to: peer) }
    }
  }

  private func send(_ frame: UnsafeRawBufferPointer, to peer: Peer) {
    guard !dropped.contains(peer.node) else { return }
    peer.address.withPointer {
      _ = sendto(socket.number, frame.baseAddress, frame.count, Int32(MSG_NOSIGNAL), $0, $1)
    }
  }

  /// Octets of the next frame that came in and is not dropped; nil when there is none.
  mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    if let first = underway.first, first.due <= .now {
      underway.removeFirst()
      buffer.copyBytes(from: first.frame)
      return first.frame.count
    }
    var sender = sockaddr_un()
    while true {
      var length = socklen_t(MemoryLayout.size(ofValue: sender))
      let got = withUnsafeMutablePointer(to: &sender) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(socket.number, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      guard got >= 0 else { return nil }
      let place = withUnsafeBytes(of: sender) { from in
        peers.firstIndex { $0.address.begins(with: UnsafeRawBufferPointer(rebasing: from[..<Int(length)])) }
      }
      guard isOpen, got >= 14, let place, !dropped.contains(peers[place].node) else { continue }
      places[FrameSwitch.address(UnsafeRawBufferPointer(buffer), at: 6)] = place
      guard let range = delays[peers[place].node] else { return got }
      hold(Array(buffer[..<got]), for: range)
    }
  }

  private mutating func hold(_ frame: [UInt8], for range: ClosedRange<Duration>) {
    let time = Int64.random(in: range.lowerBound.nanoseconds...range.upperBound.nanoseconds)
    let due = Moment.now + .nanoseconds(time)
    underway.insert((due, frame), at: underway.firstIndex { $0.due > due } ?? underway.count)
  }

  /// A hardware address: destinations are at octet 0 of a frame, sources at 6.
  private static func address(_ frame: UnsafeRawBufferPointer, at start: Int) -> UInt64 {
    frame[start..<start + 6].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
