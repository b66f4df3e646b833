import Glibc

/// The process that stands in for zerotier-one on one node: its device, its API, and the frames between the
/// nodes. Runs inside the node's namespace and is told what to do over a Unix socket.
final class ZeroTierDaemon {
  private let settings: ZeroTierSettings
  private var link: TunnelLink
  private var frames: FrameSwitch
  private var api: ZeroTierAPI
  private var apiPort: UInt16 = 9993
  private let control: Descriptor
  private var otherTap: TunnelLink?
  private var timers: [(due: Moment, work: (ZeroTierDaemon) throws -> Void)] = []
  private var isUp = false
  private var ending: Moment?
  /// One frame at a time is on its way.
  private let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameSwitch.longest, alignment: 16)

  init(_ settings: ZeroTierSettings) throws {
    self.settings = settings
    control = try ZeroTierDaemon.listen(at: settings.controlPath)
    frames = try FrameSwitch(node: settings.node, directory: settings.directory)
    var answers = ZeroTierAnswers(
      node: settings.node, clouds: settings.clouds, networkID: settings.networkID, device: settings.device,
      address: settings.address, token: try settings.authToken())
    answers.online = settings.start == .first
    answers.knowsPeers = settings.start == .first
    api = ZeroTierAPI(answers: answers)
    let mac = ZeroTierAnswers.mac(node: settings.node, network: settings.networkID)
    link = try TunnelLink(device: settings.device, mac: mac, address: settings.address)
    try api.listen(on: apiPort)
    try writePort()
    schedule()
  }

  deinit { frame.deallocate() }

  private static func listen(at path: String) throws(LabError) -> Descriptor {
    let socket = try Descriptor.socket(AF_UNIX, .stream, .nonblocking)
    unlink(path)
    guard let address = SocketAddress(path: path) else { throw LabError("binding to \(path)", "too long") }
    try socket.bind(address, called: path)
    guard Glibc.listen(socket.number, 8) == 0 else { throw LabError("listening on \(path)", errno: errno) }
    return socket
  }

  /// No newline, as the real one writes it; the file stays when the process ends.
  private func writePort() throws(LabError) {
    try writeFile("\(settings.state)/zerotier-one.port", "\(apiPort)", creating: .mode(0o644))
  }

  /// The times are those of the recorded starts.
  private func schedule() {
    after(.milliseconds(100)) { try $0.link.up() }
    after(.milliseconds(200)) { daemon in
      try daemon.link.raiseMTU()
      daemon.isUp = true
    }
    guard settings.start != .first else { return }
    frames.isOpen = false
    after(.milliseconds(450)) { $0.api.answers.knowsPeers = true }
    after(.seconds(5)) { $0.api.answers.online = true }
    if settings.start == .again { after(settings.silence) { $0.frames.isOpen = true } }
    if settings.start == .deauthorised {
      after(.milliseconds(500)) { $0.api.answers.network = .deauthorised }
    }
  }

  private func after(_ time: Duration, _ work: @escaping (ZeroTierDaemon) throws -> Void) {
    timers.append((.now + time, work))
  }

  /// Serves until SIGTERM, or until whoever started it is gone and standard input ends.
  func run() throws {
    while ending.map({ Moment.now < $0 }) ?? true {
      if ZeroTierSettings.terminated.load(ordering: .relaxed), ending == nil { leave() }
      var interests = [STDIN_FILENO, frames.descriptor, control.number].map(reading) + api.interests
      if let tap = link.tap { interests.append(reading(tap.number)) }
      let deadlines = timers.map(\.due) + [api.nextDeadline, frames.nextDue, ending].compactMap { $0 }
      let timeout = deadlines.min().map { min($0.pollTimeout, 100) } ?? 100
      _ = poll(&interests, nfds_t(interests.count), timeout)
      let ready = Set(interests.filter { $0.revents != 0 }.map(\.fd))
      if ready.contains(STDIN_FILENO), receiveSome(from: STDIN_FILENO).isEmpty { return }
      carryFrames()
      api.handle(ready)
      if ready.contains(control.number), let (client, _) = control.accept() { obey(client) }
      try runTimers()
    }
  }

  private func reading(_ descriptor: Int32) -> pollfd {
    pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  }

  private func carryFrames() {
    for _ in 0..<256 {
      guard let count = link.read(into: frame) else { break }
      frames.send(UnsafeRawBufferPointer(rebasing: frame[..<count]))
    }
    for _ in 0..<256 {
      guard let count = frames.receive(into: frame) else { break }
      link.write(UnsafeRawBufferPointer(rebasing: frame[..<count]))
    }
  }

  private func runTimers() throws {
    let now = Moment.now
    let due = timers.filter { $0.due <= now }
    timers.removeAll { $0.due <= now }
    for timer in due where link.tap != nil { try timer.work(self) }
  }

  /// SIGTERM: the link goes at once, the API says `[]` for a moment and is then gone.
  private func leave() {
    api.answers.leaving = true
    timers = []
    // Closing the descriptor is what removes the device.
    link.close()
    ending = .now + .milliseconds(30)
  }

  private func obey(_ client: Descriptor) {
    guard let line = readLine(from: client) else { return }
    var answer = "ok"
    do {
      guard let command = ZeroTierCommand(line: line) else { throw LabError("obeying", "unknown: \(line)") }
      try carryOut(command)
    } catch { answer = "\(error)" }
    _ = sendSome(Array("\(answer)\n".utf8), to: client.number)
  }

  /// The lab's own clients send their line at once; a second is plenty.
  private func readLine(from client: Descriptor) -> String? {
    var waiting = [reading(client.number)]
    guard poll(&waiting, 1, 1000) > 0 else { return nil }
    return String(decoding: receiveSome(from: client.number), as: UTF8.self).filter { $0 != "\n" }
  }
}

extension ZeroTierDaemon {
  private func carryOut(_ command: ZeroTierCommand) throws {
    switch command {
    case .api(let fault): try setAPI(fault)
    case .network(let state):
      api.answers.network = state
      frames.isOpen = state == .ok
    case .paths(let paths): api.answers.paths = paths
    case .peer(let node, let peer): api.answers.say(peer, of: node)
    case .passFrames: frames.pass()
    case .dropFrames(let peer): frames.drop(peer)
    case .healFrames(let peer): frames.pass(peer)
    case .delayFrames(let peer, let range):
      frames.delay(peer, by: .milliseconds(range.lowerBound)...(.milliseconds(range.upperBound)))
    case .linkDown: try link.down()
    case .linkUp: try link.up()
    case .linkDelete: try link.delete()
    case .addressDelete: try link.deleteAddress()
    case .addressAdd: try link.addAddress()
    case .addressChange(let address):
      try link.changeAddress(to: address)
      api.answers.address = address
    case .token(let token):
      try settings.writeToken(token)
      api.answers.token = token
    case .tokenFile(let token): try settings.writeToken(token)
    case .apiPort(let port):
      apiPort = port
      try api.listen(on: port)
      try writePort()
    case .otherNetwork(let id, let device): try joinOther(id, device)
    case .managedDefault:
      try link.addManagedDefault()
      api.answers.managedDefault = true
    case .substitute(let text, let other): api.answers.substitutions[text] = other
    case .isReady: guard isUp else { throw LabError("asking whether it is up", "not yet") }
    }
  }

  private func setAPI(_ fault: ZeroTierAPIFault) throws(LabError) {
    let wasRefused = api.answers.fault == .refused
    api.answers.fault = fault
    if fault == .refused { api.stopListening() } else if wasRefused { try api.listen(on: apiPort) }
  }

  private func joinOther(_ id: String, _ device: String) throws {
    let other = try TunnelLink(device: device, mac: "0e:11:22:33:44:55", address: "172.27.5.1")
    try other.up()
    otherTap = other
    api.answers.other = (id, device)
  }
}
