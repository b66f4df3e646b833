/// Why the loop, a source of events or a server could not be set up.
public enum EventLoopError: Error, Hashable, Sendable {
  /// A system call failed. `attempt` says what was tried on which object: `binding 127.0.0.1:9479`.
  case system(attempt: String, SystemError)
  /// libevent refused and left no errno.
  case libevent(attempt: String)
  /// The kernel has no epoll(7) for us; every other backend polls.
  case noEpoll(backend: String)
  /// `EventSource.rearm` on what is no timer.
  case notATimer
  /// Neither an IPv4 nor an IPv6 address.
  case notAnAddress(String)
  /// `sun_path` of sys/un.h holds 107 octets and a zero.
  case socketPathTooLong(String, maximum: Int)
  /// Something answers at the socket.
  case socketInUse(String)
  /// The file at the path is no socket, so it is left alone.
  case notASocket(String)
}

extension EventLoopError {
  /// This host has no descriptors or memory left for it.
  public var isShortage: Bool { if case .system(_, let error) = self { error.isShortage } else { false } }
}

extension EventLoopError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .system(let attempt, let error): "\(attempt): \(error)\(EventLoopError.remedy(error))"
    case .libevent(let attempt): "\(attempt): libevent refused"
    case .noEpoll(let backend): "starting the event loop: libevent chose \(backend) in place of epoll"
    case .notATimer: "rearming an event source: it is no timer"
    case .notAnAddress(let text): "reading the address \"\(text)\": neither IPv4 nor IPv6"
    case .socketPathTooLong(let path, let maximum):
      "listening on \(path): longer than the \(maximum) octets of a socket's path; choose a shorter one"
    case .socketInUse(let path):
      "listening on \(path): another process answers there; stop it or choose another path"
    case .notASocket(let path):
      "listening on \(path): a file that is no socket is in the way; move it or choose another path"
    }
  }

  private static func remedy(_ error: SystemError) -> String {
    switch error.name {
    case "EADDRINUSE": "; stop what listens there or choose another address"
    case "EADDRNOTAVAIL": "; choose an address of this host"
    case "EACCES", "EPERM": "; run with the privilege or choose another place"
    case "EMFILE", "ENFILE": "; raise the limit of open files"
    default: ""
    }
  }
}
