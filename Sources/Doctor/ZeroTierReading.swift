import Model
import Report

/// What ZeroTier's API said: claims.
public struct ZeroTierReading: Sendable {
  /// Why the API gives no answer.
  public var problem: Finding?
  public var node: Node?
  /// Of the configured network, if it was joined.
  public var network: Network?
  /// All that this host has joined; nil: not known.
  public var joined: [Network]?
  /// Of the exits whose node the configuration names, by the exit's name.
  public var peers: [Peer] = []

  public init() {}

  public struct Node: Sendable {
    public var address: ZeroTierNodeID
    public var isOnline: Bool
    public var version: String

    public init(address: ZeroTierNodeID, isOnline: Bool, version: String) {
      self.address = address
      self.isOnline = isOnline
      self.version = version
    }
  }

  public struct Network: Sendable {
    public var id: ZeroTierNetworkID
    public var name: String
    public var status: String
    public var interface: InterfaceName?
    public var mtu: Int
    /// allowDefault, or a managed default route.
    public var mayTakeDefault: Bool
    /// Nil: ZeroTier sets the addresses that the controller gives; else the setting that keeps it from that.
    public var withholding: Withholding?

    public enum Withholding: String, Sendable {
      /// It sets none.
      case managed = "allowManaged"
      /// None that are not private.
      case global = "allowGlobal"
    }

    public init(
      id: ZeroTierNetworkID, name: String, status: String, interface: InterfaceName?, mtu: Int,
      mayTakeDefault: Bool
    ) {
      self.id = id
      self.name = name
      self.status = status
      self.interface = interface
      self.mtu = mtu
      self.mayTakeDefault = mayTakeDefault
    }
  }

  public struct Peer: Sendable {
    public enum Path: Equatable, Sendable {
      case direct(String)
      /// No direct path, whether it answers or not.
      case none
      case unknown(String)
    }

    public var exit: String
    public var path: Path
    public var version: String?

    public init(exit: String, path: Path, version: String? = nil) {
      self.exit = exit
      self.path = path
      self.version = version
    }
  }
}
