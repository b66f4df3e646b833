import Glibc
import Model
import Testing

@testable import Configuration

/// A gateway's configuration with the required keys alone; `more` is added below.
func gatewayText(_ more: String = "") -> String {
  """
  role: gateway
  zerotier: {networkID: a1b2c3d4e5f67890}
  gateway:
    egressIP: 10.147.17.1
    exits: [{name: cloud-a, address: 10.147.17.2}]

  """ + more
}

/// The same for a cloud server.
func cloudText(_ more: String = "") -> String {
  """
  role: cloud
  zerotier: {networkID: a1b2c3d4e5f67890}
  cloud:
    sources: [10.147.17.0/24]

  """ + more
}

func parse(_ text: String) throws(ConfigurationErrors) -> AgentConfiguration {
  try AgentConfiguration(parsing: Array(text.utf8), path: "agent.yaml")
}

func gatewaySettings(_ more: String) throws -> GatewaySettings {
  guard case .gateway(let settings) = try parse(gatewayText(more)).role else { throw NotThisRole() }
  return settings
}

func cloudSettings(_ more: String) throws -> CloudSettings {
  guard case .cloud(let settings) = try parse(cloudText(more)).role else { throw NotThisRole() }
  return settings
}

struct NotThisRole: Error {}

/// The lines that refuse the text, without the file's name; empty when it can be used.
func refusals(_ text: String) -> [String] { refusals(Array(text.utf8)) }

func refusals(_ text: [UInt8]) -> [String] {
  do throws(ConfigurationErrors) {
    _ = try AgentConfiguration(parsing: text, path: "f")
    return []
  } catch {
    return error.all.map { String($0.description.dropFirst(2)) }
  }
}

func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
func networks(_ texts: String...) throws -> [CIDR] { try texts.map { try CIDR(parsing: $0) } }

/// A directory of its own, gone with the value.
final class Scratch {
  let path: String

  init() throws {
    var template = Array("/tmp/liteboxd-configuration-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Scratch.removeAll(below: path) }

  private static func removeAll(below path: String) {
    // Fails for a directory with something in it, and then that goes first.
    guard remove(path) != 0, let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { removeAll(below: path + "/" + name) }
    }
    closedir(directory)
    remove(path)
  }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes the file anew.
  @discardableResult
  func write(_ text: String, as name: String = "agent.yaml", mode: mode_t = 0o644) throws -> String {
    let file = open(self(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      try #require(count > 0)
      rest = rest.dropFirst(count)
    }
    try #require(fchmod(file, mode) == 0)
    return self(name)
  }
}

/// A file of the repository.
func repositoryFile(_ path: String, from here: String = #filePath) -> String {
  here.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/" + path
}
