import Foundation
import Testing

/// The Debian package, built once from the release binary when a test first asks for it.
struct BuiltPackage: Sendable {
  let path: String
  /// Where it lies, and what came with it.
  let directory: URL

  private static let built = Result { try build() }
  static func get() throws -> BuiltPackage { try built.get() }

  private static func build() throws -> BuiltPackage {
    let made = try run("make", "deb", "RELEASE=\(releaseDirectory)")
    try #require(made.status == 0, "\(made.output)")
    let directory = packageRoot.appending(path: ".build/deb")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    let name = try #require(names.first { $0.hasSuffix(".deb") })
    return BuiltPackage(path: directory.appending(path: name).path, directory: directory)
  }

  func field(_ name: String) throws -> String {
    try run("dpkg-deb", "--field", path, name).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// One of its control files: a maintainer script, or the list of its conffiles.
  func control(_ name: String) throws -> String {
    try run("dpkg-deb", "--info", path, name).output
  }

  /// The same package as another version, put together anew.
  ///
  /// - Parameter change: a shell's words, run in the tree that will be the package.
  func version(_ version: String, in directory: URL, change: String = "true") throws -> String {
    let made = try run(
      "sh", "-euc",
      """
      dpkg-deb --raw-extract "$1" "$2/tree"
      sed -i "s/^Version: .*/Version: $3/" "$2/tree/DEBIAN/control"
      (cd "$2/tree" && \(change))
      dpkg-deb --root-owner-group -Zgzip -z1 --build "$2/tree" "$2/$3.deb" >/dev/null
      rm -r "$2/tree"
      """, "sh", path, directory.path, version)
    try #require(made.status == 0, "\(made.output)")
    return directory.appending(path: "\(version).deb").path
  }
}
