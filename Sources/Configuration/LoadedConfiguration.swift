import CMd

/// A configuration and the file that it came from.
public struct LoadedConfiguration: Equatable, Sendable {
  public let configuration: AgentConfiguration
  /// Of the configuration file, as it was asked for; also when its last good text was read instead.
  public let path: String
  /// Of `text`, 64 lower-case hexadecimal digits.
  public let sha256: String
  /// The file's bytes.
  public let text: [UInt8]
  public let warnings: [ConfigurationWarning]

  /// `source` is where the text was read, which messages name.
  init(parsing text: [UInt8], path: String, source: String) throws(ConfigurationErrors) {
    let parsed = try ParsedConfiguration(text, path: source)
    configuration = parsed.configuration
    warnings = parsed.warnings
    sha256 = sha256Digits(text)
    self.text = text
    self.path = path
  }
}

/// Reads, checks and hashes the file. It must be a regular one, which symbolic links may lead to, of at most 1 MiB,
/// and not writable by everyone.
public func loadConfiguration(at path: String) throws(ConfigurationErrors) -> LoadedConfiguration {
  let text: [UInt8]
  do throws(FileRefusal) {
    text = try TrustedFile.read(path)
  } catch {
    throw ConfigurationErrors(refusal: error, of: path)
  }
  return try LoadedConfiguration(parsing: text, path: path, source: path)
}

extension ConfigurationErrors {
  init(refusal: FileRefusal, of path: String) {
    self.init(
      ConfigurationError(path: path, position: nil, key: "", problem: refusal.problem, suggestion: nil))
  }
}

/// FIPS 180-4, by libmd.
func sha256Digits(_ bytes: [UInt8]) -> String {
  // `SHA256_DIGEST_STRING_LENGTH` (sha2.h): the digits and a 0.
  var digits = [CChar](repeating: 0, count: 2 * Int(SHA256_DIGEST_LENGTH) + 1)
  _ = SHA256Data(bytes, bytes.count, &digits)
  return String(decoding: digits.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
