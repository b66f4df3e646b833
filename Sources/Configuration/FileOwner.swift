import Glibc

/// Under systemd the daemon runs as a user of its own, which owns the directories that it keeps its files in. What root
/// makes there by hand, with `apply` or `teardown`, has to be that user's too.
public enum FileOwner {
  /// Gives a file that was just made to the owner of its directory. Another user than root makes no others' files.
  ///
  /// - Returns: 0, or errno of stat(2) or fchown(2).
  public static func inherit(_ file: Int32, from directory: String) -> Int32 {
    guard geteuid() == 0 else { return 0 }
    var owner = stat()
    guard stat(directory, &owner) == 0 else { return errno }
    guard owner.st_uid != 0 || owner.st_gid != 0 else { return 0 }
    return fchown(file, owner.st_uid, owner.st_gid) == 0 ? 0 : errno
  }
}
