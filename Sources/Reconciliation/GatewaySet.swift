import Model

/// The sets of a cloud server's table in which the kernel notes who uses it: gateways by their ZeroTier address.
///
/// Only sources of the configuration get in, and only by packets that are let through.
public enum GatewaySet {
  /// By what they send to the Internet.
  public static let out = make("gateways_out")
  /// By what they are answered.
  public static let `in` = make("gateways_in")
  public static let all = [out, `in`]

  /// Who has been silent for so long is no longer known.
  public static let timeout = Duration.seconds(3600)
  /// A further gateway is let through and not counted.
  public static let limit = 4096

  private static func make(_ name: String) -> NftablesDynamicSet {
    NftablesDynamicSet(
      name, size: UInt32(limit), timeoutMilliseconds: UInt64(timeout.components.seconds) * 1000)
  }
}
