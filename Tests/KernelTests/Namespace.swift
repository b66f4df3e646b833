import CLinux
import Foundation
import Testing

/// Handed to the thread and back; only one side looks at a time.
private final class Box<T>: @unchecked Sendable {
  var body: (() throws -> T)?
  var result: Result<T, any Error>?
}

/// Runs `body` in a network namespace of its own, on a thread of its own: tests run side by side, and nothing of
/// this host is touched. Sockets opened there stay there.
func inNamespace<T>(_ body: @escaping () throws -> T) throws -> T {
  let box = Box<T>()
  box.body = body
  let done = DispatchSemaphore(value: 0)
  let thread = Thread {
    if clinux_unshare_network() == 0 {
      box.result = Result { try box.body!() }
    } else {
      box.result = .failure(NamespaceError(text: "unshare: \(String(cString: strerror(errno)))"))
    }
    box.body = nil
    done.signal()
  }
  thread.stackSize = 8 << 20
  thread.start()
  done.wait()
  return try #require(box.result).get()
}

struct NamespaceError: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}

/// Runs a command in the calling thread's namespace and gives what it printed; a failure is an error with what
/// it said.
@discardableResult
func shell(_ command: String) throws -> String {
  // posix_spawn inherits the calling thread's namespace; Process would fork from another thread.
  var pipeEnds: [Int32] = [0, 0]
  guard pipe(&pipeEnds) == 0 else { throw NamespaceError(text: "pipe") }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 1)
  posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 2)
  posix_spawn_file_actions_addclose(&actions, pipeEnds[0])
  posix_spawn_file_actions_addclose(&actions, pipeEnds[1])
  defer { posix_spawn_file_actions_destroy(&actions) }
  let arguments = ["sh", "-ec", command]
  var pointers = arguments.map { strdup($0) } + [nil]
  defer {
    for pointer in pointers { free(pointer) }
  }
  var pid: pid_t = 0
  let started = posix_spawn(&pid, "/bin/sh", &actions, nil, &pointers, environ)
  close(pipeEnds[1])
  guard started == 0 else { throw NamespaceError(text: "posix_spawn: \(started)") }
  var output = Data()
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(pipeEnds[0], &buffer, buffer.count)
    if count <= 0 { break }
    output.append(contentsOf: buffer[..<count])
  }
  close(pipeEnds[0])
  var status: Int32 = 0
  waitpid(pid, &status, 0)
  let text = String(decoding: output, as: UTF8.self)
  guard status == 0 else { throw NamespaceError(text: "\(command): \(text)") }
  return text
}
