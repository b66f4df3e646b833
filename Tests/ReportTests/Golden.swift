import Foundation
import Testing

/// Compares a text with the file of that name beside the tests. Escape characters are kept as `␛`, so that the files
/// can be read. With UPDATE_GOLDEN=1 in the environment the file is written instead; read the difference
/// before it is committed.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
  let readable = text.replacingOccurrences(of: "\u{1b}", with: "␛")
  if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
    try Data(readable.utf8).write(to: file)
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  #expect(readable == expected, "differs from Golden/\(name)", sourceLocation: sourceLocation)
}

/// What a program prints and exits with, its standard input being `input`.
func run(_ program: String, _ arguments: [String], input: String) throws -> (output: String, status: Int32) {
  let process = Process()
  let (stdin, output) = (Pipe(), Pipe())
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.standardInput = stdin
  process.standardOutput = output
  process.standardError = output
  try process.run()
  try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
  try stdin.fileHandleForWriting.close()
  let printed = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (String(decoding: printed, as: UTF8.self), process.terminationStatus)
}
