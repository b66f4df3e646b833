import Foundation
import JSON
import Testing

@testable import Configuration

/// The package's root, wherever it was checked out.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

func text(of path: String) throws -> String {
  try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
}

/// Reads YAML by libyaml. Scalars become texts; a plain one that YAML 1.1 could take for something else becomes null,
/// so that it is no text to whoever compares.
func yaml(_ text: String) throws -> JSONValue {
  let diagnostics = Diagnostics(path: "rendered")
  let root = YAMLTree.root(of: Array(text.utf8), diagnostics)
  return value(try #require(root, "\(text)"))
}

private func value(_ node: YAMLNode) -> JSONValue {
  switch node.content {
  case .scalar(let scalar):
    scalar.style == .plain && !isPlainWord(scalar.text) ? .null : .string(scalar.text)
  case .sequence(let items): .array(items.map(value))
  case .mapping(let entries): .object(entries.map { .init($0.key, value($0.value)) })
  }
}

private func isPlainWord(_ text: String) -> Bool {
  let meaningful = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
  return text.first?.isLetter == true && !meaningful.contains(text.lowercased())
}

/// Runs a program in a directory of its own that holds these files; its output is what it wrote on either stream.
func run(_ arguments: [String], with files: [String: String]) throws -> (output: String, status: Int32) {
  let directory = FileManager.default.temporaryDirectory.appending(path: "rendering-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(at: directory) }
  for (name, text) in files {
    try text.write(to: directory.appending(path: name), atomically: true, encoding: .utf8)
  }
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.currentDirectoryURL = directory
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let printed = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (String(decoding: printed, as: UTF8.self), process.terminationStatus)
}
