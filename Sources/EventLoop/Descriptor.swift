import Glibc

/// A descriptor that is closed with its owner.
struct Descriptor: ~Copyable {
  let number: Int32

  init(owning number: Int32) { self.number = number }

  /// A stream socket that never blocks and is closed on exec.
  init(streamSocket family: Int32) throws(SystemError) {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    number = socket(family, type, 0)
    guard number >= 0 else { throw .last }
  }

  deinit { close(number) }

  /// Sends what the socket takes at once, and leaves the rest. False: it takes no more for now.
  func send(_ unsent: inout ArraySlice<UInt8>) throws(SystemError) -> Bool {
    while !unsent.isEmpty {
      let count = unsent.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count > 0 {
        unsent = unsent.dropFirst(count)
      } else if errno == EAGAIN {
        return false
      } else if errno != EINTR {
        throw .last
      }
    }
    return true
  }

  /// setsockopt(2) with an int.
  func set(_ option: Int32, level: Int32, to value: Int32) throws(SystemError) {
    var value = value
    guard setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      throw .last
    }
  }
}
