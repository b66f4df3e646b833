import Glibc

/// An overlay over this machine's root: all of its programs and libraries, and every change only in memory. It lies in
/// a mount namespace and a process namespace of its own, so that the kernel unmounts it and ends whatever runs in it
/// with this object, or with this process. Nothing on the machine's own file systems changes.
///
/// Only the file system at `/` shows through, not what is mounted below it.
final class OverlayRoot: Sendable {
  /// As the namespace's mounts see it.
  private let directory: String
  private let process: ChildProcess
  /// The other end is the first process's standard input: it ends when we do.
  private let leash: Guarded<Descriptor?>
  /// The first process of the process namespace, by the host's number.
  private let first: pid_t

  /// What else is to be done before it is ready.
  struct Preparation {
    /// A shell's words, which run with the overlay's directory in `$root`.
    var script = ""
    var variables: [String: String] = [:]
    var limit = Duration.seconds(20)
  }

  /// - Parameter lower: lies between this one and the machine's root; it stays as it is.
  init(named name: String, over lower: OverlayRoot? = nil, _ preparation: Preparation = .init()) throws {
    directory = "/mnt/\(name)"
    let (input, output) = (try SocketPair(), try SocketPair())
    var arguments = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if let lower { arguments = ["nsenter", "--mount=/proc/\(lower.first)/ns/mnt", "--"] + arguments }
    arguments += ["sh", "-euc", Self.script(preparation.script)]
    process = try ChildProcess(
      arguments,
      environment: preparation.variables.merging([
        "directory": directory, "lower": lower.map { "\($0.directory)/upper:/" } ?? "/",
      ]) { $1 },
      streams: .init(input: input.theirs, output: output.theirs, error: output.theirs), group: .own)
    leash = Guarded(Descriptor(input.release()))
    for pair in [input, output] { pair.closeTheirs() }
    do {
      try Self.waitUntilReady(output, within: preparation.limit)
      first = try onlyChild(of: process.pid)
    } catch {
      process.end()
      throw error
    }
  }

  deinit { end() }

  /// /mnt is there on every Debian, and nothing that runs here needs what is below it.
  private static func script(_ more: String) -> String {
    """
    [ "$lower" != / ] || mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir "$directory"
    mount -t tmpfs -o mode=755 tmpfs "$directory"
    cd "$directory"
    mkdir upper work root
    mount -t overlay -o "lowerdir=$lower,upperdir=upper,workdir=work" overlay root
    root=$directory/root
    \(more)
    cd /
    echo; echo ready
    exec cat >/dev/null 2>&1
    """
  }

  private static func waitUntilReady(_ output: SocketPair, within limit: Duration) throws(LabError) {
    let end = Moment.now + limit
    var said: [UInt8] = []
    while !said.ends(with: "\nready\n") {
      var waiting = pollfd(fd: output.ours, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, end.pollTimeout)
      let bytes = ready > 0 ? receiveSome(from: output.ours) : []
      said += bytes
      guard !bytes.isEmpty else {
        let how = ready > 0 ? "it failed" : "not ready after \(limit)"
        throw LabError("making an overlay of the root", "\(how): \(String(decoding: said, as: UTF8.self))")
      }
    }
  }

  /// Where a path of the overlay is for this process. Links that lead to absolute paths lead out of it.
  func path(_ path: String) -> String { "/proc/\(first)/root\(directory)/root\(path)" }

  /// Turns a command into one that runs within both namespaces, with the machine's root as its own.
  func entering(_ arguments: [String]) -> [String] {
    ["nsenter", "--mount=/proc/\(first)/ns/mnt", "--pid=/proc/\(first)/ns/pid", "--"] + arguments
  }

  /// Where the overlay is for commands that run within.
  var root: String { "\(directory)/root" }

  /// Ends all that runs in it, and unmounts it.
  func end() {
    leash.withLock { $0 = nil }
    if (try? process.wait(within: .seconds(5))) == nil { process.end() }
  }
}

extension [UInt8] {
  fileprivate func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}

/// Of a process that has a single one, by the host's number (proc(5)).
func onlyChild(of pid: pid_t) throws(LabError) -> pid_t {
  let children = try readFile("/proc/\(pid)/task/\(pid)/children").split(separator: " ")
  guard children.count == 1, let child = pid_t(children[0]) else {
    throw LabError("finding the process that process \(pid) started", "there are \(children.count)")
  }
  return child
}
