import Foundation

/// The package's root, wherever it was checked out.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// What `make release` built, or what the environment names instead.
let releaseBinary =
  ProcessInfo.processInfo.environment["LITEBOXD_AGENT"].map { URL(fileURLWithPath: $0) }
  ?? packageRoot.appending(path: ".build/release/liteboxd-agent")

/// `make`'s RELEASE.
var releaseDirectory: String { releaseBinary.deletingLastPathComponent().path }

func run(_ arguments: String...) throws -> (output: String, status: Int32) { try run(arguments) }

/// Runs a command in the package's root; its output is what it wrote on either stream.
func run(_ arguments: [String]) throws -> (output: String, status: Int32) {
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.currentDirectoryURL = packageRoot
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let printed = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (String(decoding: printed, as: UTF8.self), process.terminationStatus)
}

func text(of path: String) throws -> String {
  try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
}

/// A directory that goes when `body` ends.
func withTemporaryDirectory<T>(_ body: (URL) throws -> T) throws -> T {
  let directory = FileManager.default.temporaryDirectory.appending(path: "liteboxd-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(at: directory) }
  return try body(directory)
}
