import EventLoop
import Glibc
import TestPeers
import Testing

@Suite("The server's Unix socket")
struct UnixSocketTests {
  let loop: EventLoop
  let directory = TemporaryDirectory()

  init() throws { loop = try EventLoop() }

  var path: String { directory.path + "/run/agent.sock" }

  func server(_ path: String, mode: UInt32 = 0o660, group: UInt32? = nil) throws(EventLoopError) -> HTTPServer
  {
    try HTTPServer(on: loop, at: .unix(path: path, mode: mode, group: group)) { request in
      let peer = request.peer.map { "\($0.pid) \($0.uid) \($0.gid)" } ?? "nobody"
      return HTTPResponse(status: 200, "\(request.method.text) \(request.path) from \(peer)")
    }
  }

  func ask(_ path: String, _ method: HTTPMethod = .get, timeout: Duration = .seconds(5)) throws
    -> Result<HTTPAnswer, LocalHTTPError>
  {
    let pipe = Pipe()
    let source = try loop.watch(readable: pipe.reading) { self.loop.stop() }
    let writing = pipe.writing
    let job = Job {
      defer { _ = write(writing, "x", 1) }
      return Result { () throws(LocalHTTPError) in
        try LocalHTTP.request(socketPath: path, method: method, path: "/status?json", timeout: timeout)
      }
    }
    try loop.run()
    source.cancel()
    return job.value()
  }

  @Test("the socket has the mode and group asked for, and its clients are known by their credentials")
  func modeAndPeer() throws {
    let server = try server(path, mode: 0o640, group: getgid())
    var file = stat()
    #expect(lstat(path, &file) == 0 && file.st_mode & 0o7777 == 0o640 && file.st_gid == getgid())
    #expect(lstat(directory.path + "/run", &file) == 0 && file.st_mode & 0o7777 == 0o755)
    let answer = try ask(path).get()
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(text == "GET /status from \(getpid()) \(getuid()) \(getgid())\n")
    server.close()
  }

  @Test("the file goes with the server, and one that another has put there stays")
  func removal() throws {
    var first: HTTPServer? = try server(path)
    #expect(first?.connectionCount == 0)
    first = nil
    #expect(access(path, F_OK) != 0)

    var second: HTTPServer? = try server(path)
    #expect(second?.port == 0)
    unlink(path)
    directory.write("run/agent.sock", "someone else's")
    second = nil
    #expect(access(path, F_OK) == 0)
  }

  @Test("a stale socket is replaced")
  func stale() throws {
    try directory.staleSocket("agent.sock")
    let path = directory.path + "/agent.sock"
    #expect(try ask(path) == .failure(.noDaemon(socket: path, SystemError(rawValue: ECONNREFUSED))))
    let server = try server(path)
    #expect(try ask(path, .head).get().status == 200)
    server.close()
  }

  @Test("a socket on which somebody listens is left alone")
  func live() throws {
    let first = try server(path)
    #expect(throws: EventLoopError.socketInUse(path)) { try server(path) }
    #expect(try ask(path).get().status == 200)
    first.close()
  }

  @Test(
    "a file, a directory or a link in the way is never removed", arguments: ["file", "directory", "link"])
  func inTheWay(_ kind: String) throws {
    let path = directory.path + "/agent.sock"
    switch kind {
    case "file": directory.write("agent.sock", "precious")
    case "directory": mkdir(path, 0o755)
    default: symlink("/nowhere", path)
    }
    #expect(throws: EventLoopError.notASocket(path)) { try server(path) }
    var file = stat()
    #expect(lstat(path, &file) == 0)
  }

  @Test("a path that no socket can have is an error")
  func tooLong() {
    let path = "/tmp/" + String(repeating: "x", count: 103)
    #expect(throws: EventLoopError.socketPathTooLong(path, maximum: 107)) { try server(path) }
  }

  @Test("only the directory itself is made, not those above it")
  func directoryTooDeep() {
    let path = directory.path + "/a/b/agent.sock"
    let error = EventLoopError.system(
      attempt: "making the directory \(directory.path)/a/b", SystemError(rawValue: ENOENT))
    #expect(throws: error) { try server(path) }
  }

  @Test("the mode is the one asked for under any umask", arguments: [0, 0o777] as [mode_t])
  func underUmask(_ mask: mode_t) async {
    // In a process of its own: the umask is the whole process's.
    await #expect(processExitsWith: .success) { [mask] in
      let directory = TemporaryDirectory()
      umask(mask)
      let path = directory.path + "/run/agent.sock"
      let server = try HTTPServer(on: EventLoop(), at: .unix(path: path)) { _ in HTTPResponse(status: 200, "")
      }
      var file = stat()
      precondition(lstat(path, &file) == 0 && file.st_mode & 0o7777 == 0o660)
      precondition(lstat(directory.path + "/run", &file) == 0 && file.st_mode & 0o7777 == 0o755)
      server.close()
    }
  }

  @Test("the command's client says that it is not permitted")
  func notPermitted() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      chmod(directory.path, 0o755)
      let path = directory.path + "/agent.sock"
      let server = try HTTPServer(on: EventLoop(), at: .unix(path: path, mode: 0)) { _ in
        HTTPResponse(status: 200, "")
      }
      // Whoever may do anything becomes somebody else.
      if geteuid() == 0 { seteuid(65_534) }
      let result = Result { () throws(LocalHTTPError) in
        try LocalHTTP.request(socketPath: path, method: .get, path: "/", timeout: .seconds(5))
      }
      precondition(result == .failure(.permissionDenied(socket: path)))
      if getuid() == 0 { seteuid(0) }
      server.close()
    }
  }

  @Test("the command's client tells a missing daemon from one that is mute")
  func client() throws {
    let missing = directory.path + "/none.sock"
    #expect(try ask(missing) == .failure(.noDaemon(socket: missing, SystemError(rawValue: ENOENT))))

    let mute = directory.path + "/mute.sock"
    let fd = try directory.listeningSocket("mute.sock")
    defer { close(fd) }
    #expect(try ask(mute, timeout: .milliseconds(50)) == .failure(.timedOut(socket: mute)))
  }

  @Test("the command's client knows garbage")
  func garbage() throws {
    let path = directory.path + "/garbage.sock"
    let fd = try directory.listeningSocket("garbage.sock")
    let job = Job {
      let peer = Peer(accept(fd, nil, nil))
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("what?\r\n")
    }
    guard case .failure(.malformed(path, _)) = try ask(path) else {
      Issue.record("not malformed")
      return
    }
    job.value()
    close(fd)
  }
}
