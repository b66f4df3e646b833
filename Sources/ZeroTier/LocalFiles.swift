import EventLoop
import Glibc

/// The files beside zerotier-one that say how its API is reached: the token, and the port.
final class LocalFiles {
  /// What zerotier-one listens on if nothing else is said.
  static let defaultPort: UInt16 = 9993
  private static let maximumToken = 4096

  private let tokenFile: SmallFile
  /// systemd's LoadCredential= (systemd.exec(5)); goes before the file, which the service may not be able to read.
  private let credential: SmallFile?
  private let portFile: SmallFile

  init(authTokenFile: String, credentialsDirectory: String?) {
    tokenFile = SmallFile(authTokenFile, limit: LocalFiles.maximumToken)
    credential = credentialsDirectory.map { SmallFile($0 + "/authtoken", limit: LocalFiles.maximumToken) }
    let directory = authTokenFile.lastIndex(of: "/").map { authTokenFile[...$0] } ?? ""
    portFile = SmallFile(directory + "zerotier-one.port", limit: 16)
  }

  /// The API's token, without white space around it.
  func token() throws(APIFailure) -> String {
    let file = credential.flatMap { access($0.path, F_OK) == 0 ? $0 : nil } ?? tokenFile
    let bytes: [UInt8]
    do {
      bytes = try file.read()
    } catch {
      throw .tokenUnreadable(path: file.path, error)
    }
    let blanks: Set<UInt8> = [0x09, 0x0a, 0x0d, 0x20]
    let token = bytes.drop(while: blanks.contains).reversed().drop(while: blanks.contains).reversed()
    guard !token.isEmpty else { throw .tokenUnreadable(path: file.path, SystemError(rawValue: ENODATA)) }
    // Anything else cannot stand in a header field.
    guard token.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw .tokenUnreadable(path: file.path, SystemError(rawValue: EILSEQ))
    }
    return String(decoding: token, as: UTF8.self)
  }

  /// After a 401: the file may have changed without looking so.
  func forgetToken() {
    tokenFile.forget()
    credential?.forget()
  }

  /// What zerotier-one wrote at its last start, and the default if it wrote nothing that is a port.
  func port() -> UInt16 {
    guard let bytes = try? portFile.read() else { return LocalFiles.defaultPort }
    let digits = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
    guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits), port > 0 else {
      return LocalFiles.defaultPort
    }
    return port
  }
}
