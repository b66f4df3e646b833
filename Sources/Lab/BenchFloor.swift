import CFloor
import Glibc

/// Holds what is in the kernel by the C floor: `liteboxd-lab floor TABLE TABLE PROTOCOL [PATH=VALUE]...`.
public func runFloor(arguments: [String]) -> Int32 {
  guard arguments.count >= 3, let first = UInt32(arguments[0]), let second = UInt32(arguments[1]),
    let `protocol` = UInt8(arguments[2])
  else {
    report("usage: liteboxd-lab floor TABLE TABLE PROTOCOL [PATH=VALUE]...")
    return 64
  }
  let parameters = arguments.dropFirst(3).compactMap { word -> cfloor_parameter? in
    let parts = word.split(separator: "=")
    guard parts.count == 2 else { return nil }
    // For as long as the process lives.
    return cfloor_parameter(path: strdup(String(parts[0])), value: strdup(String(parts[1])))
  }
  let error = parameters.withUnsafeBufferPointer { list in
    var state = cfloor_state(
      tables: (first, second), protocol: `protocol`, parameters: list.baseAddress,
      parameter_count: Int32(list.count))
    return cfloor_hold(&state)
  }
  report("holding the kernel's state: \(errnoName(-error))")
  return 1
}

/// Lines that a program writes when it has repaired something and read it back, as they come: the agent's log, or the
/// floor's standard output.
final class VerifiedLines: Sendable {
  let path: String
  let descriptor: Descriptor
  /// Read, and no whole line yet.
  private let unread = Guarded<[UInt8]>([])

  /// A FIFO, which is open for reading from now on, so that a writer does not wait.
  init(at path: String) throws(LabError) {
    self.path = path
    unlink(path)
    guard mkfifo(path, 0o600) == 0 else { throw LabError("making \(path)", errno: errno) }
    descriptor = Descriptor(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC))
    guard descriptor.number >= 0 else { throw LabError("opening \(path)", errno: errno) }
  }

  /// Goes before a program and becomes it, with its standard output and error in here.
  var wrapper: [String] { ["sh", "-c", "path=$1; shift; exec \"$@\" >\"$path\" 2>&1", "sh", path] }

  /// How many changes the lines that are there tell of, each `… changes=N …`.
  func changes() -> Int {
    lines().reduce(0) { sum, line in
      guard let start = line.firstRange(of: "changes=") else { return sum }
      return sum + (Int(line[start.upperBound...].prefix { $0.isNumber }) ?? 0)
    }
  }

  private func lines() -> [Substring] {
    unread.withLock { rest in
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let got = read(descriptor.number, &buffer, buffer.count)
        guard got > 0 else { break }
        rest += buffer[..<got]
      }
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
      let whole = String(decoding: rest[..<end], as: UTF8.self)
      rest.removeFirst(end + 1)
      return whole.split(separator: "\n")
    }
  }

  /// Waits for a line that begins so.
  func wait(for beginning: String, within limit: Duration = .seconds(5)) throws(LabError) {
    let found = eventually(within: limit, step: .milliseconds(1)) {
      lines().contains { $0.hasPrefix(beginning) } ? true : nil
    }
    if found == nil { throw LabError("waiting for \"\(beginning)\" in \(path)", "not after \(limit)") }
  }
}

extension Lab {
  /// The C floor instead of the gateway's agent, which has to be gone, with what that has left.
  func startFloor(saying lines: VerifiedLines) throws -> ChildProcess {
    let device = try zeroTier(.gateway).device
    let parameters = ["ip_forward=1", "conf/\(device)/rp_filter=2"].map { "/proc/sys/net/ipv4/\($0)" }
    let program = try Lab.program("liteboxd-lab", environment: "LITEBOXD_LAB")
    let command = try namespace(.gateway).execute(
      lines.wrapper + [program, "floor", "100", "101", "147"] + parameters)
    let nothing = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
    guard nothing.number >= 0 else { throw LabError("opening /dev/null", errno: errno) }
    let process = try ChildProcess(
      command.arguments,
      streams: .init(input: nothing.number, output: nothing.number, error: nothing.number), group: .own)
    try lines.wait(for: "ready")
    return process
  }
}
