import Configuration
import Glibc
import Model
import TestPeers

@testable import Agent
@testable import Kernel
@testable import ZeroTier

let agentTargets = [
  FuzzTarget(
    name: "seen address",
    corpus: {
      ["203.0.113.5\n", "{\"ip\": \"203.0.113.5\"}", "<p>You are 203.0.113.5.</p>"].map { Array($0.utf8) }
    }, words: ["...", "1.2.3.4", "256.1.1.1", "0", ".", "::1", " "],
    check: {
      { input, _ in
        // As much as is taken of an answer.
        let input = Array(input.prefix(4096))
        guard let address = AddressRound.firstAddress(in: input) else { return .refused }
        try promise(address.family == .ipv4, "\(address)")
        let text = String(decoding: input, as: UTF8.self)
        try promise(text.contains("\(address)"), "\(address) is not in it")
        return .taken
      }
    }),
  FuzzTarget(
    name: "echo replies", corpus: { [echo] }, words: ["\u{45}\0", "\u{4f}", "\0\0"],
    check: {
      guard let loopback = InterfaceName("lo") else { throw Finding("no name") }
      let socket = try EchoSocket(from: IPAddress(family: .ipv4, bits: 0x7f00_0001), through: loopback)
      return { input, _ in
        let reply = socket.parse(signed(input, socket)[...], .zero)
        guard let reply else { return .refused }
        try promise(reply.source.family == .ipv4, "\(reply)")
        return .taken
      }
    }),
  FuzzTarget(
    name: "kept files", corpus: { [Array("cloud-a\n".utf8), Array("net/ipv4/ip_forward=0\n".utf8)] },
    words: ["=", "\n", "\0", "99999999999999999999", "-1", "net/ipv4/conf/zt0/rp_filter=2\n", "../"],
    check: {
      let directory = TemporaryDirectory()
      return { input, _ in try checkKeptFiles(input, in: directory) }
    }),
]

/// From 192.0.2.1: a header of 20 octets, an echo reply with sequence number 7; identifier and cookie are still open.
private let echo: [UInt8] =
  [0x45, 0, 0, 36, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 127, 0, 0, 1]
  + [0, 0, 0, 0, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 8)

/// With the socket's own identifier and cookie where they belong, as far as the packet goes.
private func signed(_ packet: [UInt8], _ socket: EchoSocket) -> [UInt8] {
  var packet = packet
  let start = 20
  let cookie = withUnsafeBytes(of: socket.cookie) { Array($0) }
  let values = [UInt8(socket.identifier >> 8), UInt8(socket.identifier & 0xff)]
  for (offset, value) in zip([4, 5] + Array(8..<16), values + cookie) where start + offset < packet.count {
    packet[start + offset] = value
  }
  return packet
}

/// What a former run left, be it the pinned exit, sysctls, the last good configuration, ZeroTier's token or its port.
private func checkKeptFiles(_ input: [UInt8], in directory: TemporaryDirectory) throws -> FuzzTarget.Outcome {
  let store = ConfigurationStore(directory: directory.path)
  let sysctls = try InstanceLock.path(in: directory.path, ".sysctl")
  let good = store.file(for: "/a")
  for path in [good, "\(directory.path)/.pinned-exit-a", sysctls, "\(directory.path)/zerotier-one.port"] {
    try write(input, to: path)
  }
  var isTaken = false
  do { isTaken = try store.loadPinnedExit(for: "/a") != nil } catch {
    try promise(!error.description.isEmpty, "an error without words")
  }
  do { _ = try store.load(for: "/a") } catch {
    try promise(!error.all.isEmpty, "an error without words")
  }
  let values = try SysctlRecord(in: directory.path).values
  try promise(values.keys.allSatisfy { !$0.isEmpty && !$0.contains("\n") }, "\(values)")
  let files = LocalFiles(
    authTokenFile: "\(directory.path)/zerotier-one.port", credentialsDirectory: nil)
  try promise(files.port() > 0, "port 0")
  do {
    let token = try files.token()
    try promise(token.utf8.allSatisfy { (0x21...0x7e).contains($0) }, "a token that no header can hold")
  } catch is APIFailure {}
  return isTaken ? .taken : .refused
}

private func write(_ bytes: [UInt8], to path: String) throws {
  guard let file = fopen(path, "w") else { throw Finding("\(path): errno \(errno)") }
  defer { fclose(file) }
  try promise(fwrite(bytes, 1, bytes.count, file) == bytes.count, "writing \(path)")
}
