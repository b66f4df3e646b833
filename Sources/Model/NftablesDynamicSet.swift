/// A set that rules fill while packets pass: one element for each IPv4 address, with a counter, that goes by itself
/// when no packet has renewed it for a while. What it holds is never planned and never drift; its definition is.
public struct NftablesDynamicSet: Hashable, Sendable {
  public let name: String
  /// The most elements; when it is full no further address is taken in.
  public let size: UInt32
  /// Whole milliseconds, as the kernel keeps it (`NFTA_SET_TIMEOUT`).
  public let timeoutMilliseconds: UInt64

  public init(_ name: String, size: UInt32, timeoutMilliseconds: UInt64) {
    self.name = name
    self.size = size
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  public var timeout: Duration { .milliseconds(timeoutMilliseconds) }

  /// One address and what was counted of it since it was taken in.
  public struct Element: Hashable, Sendable {
    public let address: IPAddress
    public let packets: UInt64
    public let bytes: UInt64
    /// Since the last packet.
    public let idle: Duration

    public init(address: IPAddress, packets: UInt64, bytes: UInt64, idle: Duration) {
      self.address = address
      self.packets = packets
      self.bytes = bytes
      self.idle = idle
    }
  }
}

extension NftablesDynamicSet: CustomStringConvertible {
  /// The definition as nft(8) writes it, the name apart.
  public var description: String {
    "{ type ipv4_addr; size \(size); flags dynamic,timeout; timeout \(Self.text(timeoutMilliseconds)); }"
  }

  /// `1h`, `1m30s`, `250ms`.
  private static func text(_ milliseconds: UInt64) -> String {
    let units: [(String, UInt64)] = [
      ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    var rest = milliseconds
    var text = ""
    for (unit, length) in units where rest >= length {
      text += "\(rest / length)\(unit)"
      rest %= length
    }
    return text.isEmpty ? "0s" : text
  }
}
