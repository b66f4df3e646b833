import CLinux
import Glibc

/// The TAP device of a simulated ZeroTier, made and configured in the order and with the gaps of the real one:
/// link down, hardware address, IP address, 0.1 s later up, 0.1 s later the MTU.
struct TunnelLink {
  let device: String
  private(set) var address: String
  /// nil once the device was deleted under us.
  private(set) var tap: Descriptor?

  init(device: String, mac: String, address: String) throws(LabError) {
    let descriptor = clinux_open_tap(device)
    guard descriptor >= 0 else { throw LabError("making TAP device \(device)", errno: errno) }
    self.device = device
    self.address = address
    tap = Descriptor(descriptor)
    try TunnelLink.ip(["link set \(device) address \(mac)", addition])
  }

  private static func ip(_ lines: [String]) throws(LabError) {
    try Command(["ip", "-batch", "-"], input: lines.joined(separator: "\n") + "\n").output()
  }

  private var addition: String { "addr add \(address)/24 brd + dev \(device)" }

  func up() throws(LabError) { try TunnelLink.ip(["link set \(device) up"]) }
  func down() throws(LabError) { try TunnelLink.ip(["link set \(device) down"]) }
  func raiseMTU() throws(LabError) { try TunnelLink.ip(["link set \(device) mtu 2800"]) }
  func addAddress() throws(LabError) { try TunnelLink.ip([addition]) }
  func deleteAddress() throws(LabError) { try TunnelLink.ip(["addr del \(address)/24 dev \(device)"]) }

  mutating func changeAddress(to new: String) throws(LabError) {
    let deletion = "addr del \(address)/24 dev \(device)"
    address = new
    try TunnelLink.ip([deletion, addition])
  }

  mutating func delete() throws(LabError) {
    try TunnelLink.ip(["link del \(device)"])
    tap = nil
  }

  /// Lets go of the device, which vanishes with that.
  mutating func close() { tap = nil }

  /// What ZeroTier adds for a managed default route when allowDefault is set.
  func addManagedDefault() throws(LabError) {
    try TunnelLink.ip(
      ["0.0.0.0/1", "128.0.0.0/1"].map {
        "route add \($0) via 10.147.17.2 dev \(device) proto static metric 5000"
      })
  }

  /// Octets of a frame that the kernel wants sent; nil when there is none.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard let tap else { return nil }
    let got = Glibc.read(tap.number, buffer.baseAddress, buffer.count)
    if got < 0, errno != EAGAIN, errno != EINTR { self.tap = nil }
    return got > 0 ? got : nil
  }

  /// Hands a frame to the kernel, which drops it while the link is down.
  func write(_ frame: UnsafeRawBufferPointer) {
    if let tap { _ = Glibc.write(tap.number, frame.baseAddress, frame.count) }
  }
}
