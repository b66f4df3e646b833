import Glibc

/// Clients of one listener that never go: who is turned away comes again, as often as `Manners` says. None of them
/// ever reads. One thread does it all, so that the crowd itself costs next to nothing.
public final class StandingCrowd: Sendable {
  /// What each of them does.
  public struct Manners: Sendable {
    /// Said on coming.
    public var words: [UInt8] = []
    /// Said after that, ten times a second.
    public var murmur: [UInt8] = []
    /// How many of those turned away come again, in a second, all of them together.
    public var returning = 300

    public init() {}
  }

  private let stopFlag = StopFlag()
  private let thread: WorkerThread
  private let arrivals: Guarded<Int>

  fileprivate init(_ count: Int, at place: Crowd.Place, _ manners: Manners, in lab: Lab) throws {
    let arrivals = Guarded(0)
    self.arrivals = arrivals
    let flag = stopFlag
    let (namespace, family, address) = try lab.resolve(place)
    thread = try WorkerThread(in: namespace) {
      var group = Group(size: count, family: family, address: address, manners: manners)
      while !flag.isRaised {
        let come = try group.turn()
        arrivals.withLock { $0 += come }
        pause(Group.interval)
      }
    }
    lab.keep(thread, stoppedBy: stopFlag)
    if eventually(within: .seconds(10), { self.count >= count ? true : nil }) == nil {
      stopFlag.raise()
      throw LabError("gathering a crowd of \(count)", "\(self.count) came in 10 s")
    }
  }

  /// How many have come so far, each time that one came.
  public var count: Int { arrivals.withLock { $0 } }

  public func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}

/// The clients themselves.
private struct Group {
  static let interval = Duration.milliseconds(10)
  /// `POLLRDHUP` of poll(2), which exists under _GNU_SOURCE only.
  private static let hungUp: Int16 = 0x2000

  let size: Int
  let family: Int32
  let address: SocketAddress
  let manners: StandingCrowd.Manners
  private var clients: [Descriptor] = []
  private var turns = 0
  private var isGathered = false

  init(size: Int, family: Int32, address: SocketAddress, manners: StandingCrowd.Manners) {
    self.size = size
    self.family = family
    self.address = address
    self.manners = manners
  }

  /// What is done in one interval; how many came.
  mutating func turn() throws -> Int {
    turns += 1
    leave()
    // A tenth of them in each turn.
    if !manners.murmur.isEmpty {
      for place in clients.indices where place % 10 == turns % 10 {
        _ = sendSome([manners.murmur[turns / 10 % manners.murmur.count]], to: clients[place].number)
      }
    }
    // All at once in the beginning.
    let wanted = isGathered ? min(size - clients.count, manners.returning / 100) : size
    isGathered = true
    for _ in 0..<wanted { try come() }
    return wanted
  }

  /// Drops the ends of connections that the listener has closed.
  private mutating func leave() {
    var states = clients.map { pollfd(fd: $0.number, events: Group.hungUp, revents: 0) }
    guard poll(&states, nfds_t(states.count), 0) > 0 else { return }
    let gone = Set(states.filter { $0.revents != 0 }.map(\.fd))
    clients.removeAll { gone.contains($0.number) }
  }

  private mutating func come() throws {
    let client = try Descriptor.socket(family, .stream, .blocking)
    let code = client.connect(address)
    guard code == 0 else { throw LabError("joining a crowd", errno: code) }
    _ = sendSome(manners.words, to: client.number)
    clients.append(client)
  }
}

extension Lab {
  /// A crowd that is complete when this returns, and stays until it is stopped.
  public func startStandingCrowd(
    _ count: Int, at place: Crowd.Place, _ manners: StandingCrowd.Manners
  ) throws -> StandingCrowd {
    try allowDescriptors(2 * count + 1024)
    return try StandingCrowd(count, at: place, manners, in: self)
  }

  /// Where a crowd has to be, and what it connects to.
  func resolve(
    _ place: Crowd.Place
  ) throws(LabError) -> (NetworkNamespace?, Int32, SocketAddress) {
    switch place {
    case .tcp(let node, let port):
      guard let address = SocketAddress("127.0.0.1", port: port) else {
        throw LabError("gathering a crowd", "no address")
      }
      return (try namespace(node), AF_INET, address)
    case .unix(let path):
      guard let address = SocketAddress(path: path) else {
        throw LabError("gathering a crowd", "the path is too long: \(path)")
      }
      return (nil, AF_UNIX, address)
    }
  }
}
