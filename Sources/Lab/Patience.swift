import Glibc

/// How many times slower this machine is than those that the limits and bounds of the lab and its tests are for: a whole
/// number from 1 to 1000 in the environment's LITEBOXD_LAB_PATIENCE, 1 without it. It multiplies limits, bounds and the
/// times of the agent's probes, and thins the traffic out; how long a fault lasts stays the same.
public enum Patience {
  public static let factor: Int =
    getenv("LITEBOXD_LAB_PATIENCE").flatMap { Int(String(cString: $0)) }.map { min(max($0, 1), 1000) } ?? 1
}

extension Duration {
  /// As a limit or a bound on this machine.
  public var patient: Duration { self * Patience.factor }
}
