import Model
public enum Role: Equatable, Sendable { case gateway(GatewaySettings), cloud(CloudSettings) }
public struct APIEndpoint: Equatable, Sendable { public var host: IPAddress; public var port: UInt16 }
public struct ZeroTierSettings: Equatable, Sendable { public var networkID: ZeroTierNetworkID; public var api: APIEndpoint?; public var authTokenFile: String; public var pollInterval: Duration; public var interface: InterfaceName? }
public struct StatusSettings: Equatable, Sendable { public var socket: String; public var group: String? }
public enum MetricsSettings: Equatable, Sendable { case off, listen(IPAddress, port: UInt16) }
public struct ReconcileSettings: Equatable, Sendable { public var resyncInterval, configPollInterval: Duration }
public enum LogLevel: Sendable { case debug, info, notice, warning, error }
public enum LogFormat: Sendable { case auto, text, json }
public struct LogSettings: Equatable, Sendable { public var level: LogLevel; public var format: LogFormat }
public struct AgentConfiguration: Equatable, Sendable { public var role: Role; public var zerotier: ZeroTierSettings; public var status: StatusSettings; public var metrics: MetricsSettings; public var reconcile: ReconcileSettings; public var log: LogSettings }
public struct LoadedConfiguration: Sendable { public let configuration: AgentConfiguration; public let path: String; public let sha256: String; public let text: [UInt8] }
public struct ConfigurationErrors: Error { public var errors: [String] = [] }
public func loadConfiguration(at path: String) throws(ConfigurationErrors) -> LoadedConfiguration { throw ConfigurationErrors() }
public struct ConfigurationStore { public init(directory: String) {}; public func save(_: LoadedConfiguration) throws {}; public func load(for path: String) throws -> LoadedConfiguration? { nil } }
