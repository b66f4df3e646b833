import Glibc

extension Container {
  /// What a container is made of.
  public struct Setup: Sendable {
    /// Packages that it has and this machine does not.
    public var image: ContainerImage?
    /// Written before its first boot.
    public var files: [ContainerFile] = []
    /// Directories of this machine that it sees, each at a path of its own: [outside: inside].
    public var directories: [String: String] = [:]
    /// Commands below its root, before its first boot and with its files in place.
    public var preparations: [[String]] = []
    /// Units that start at boot.
    public var enabled: [String] = []
    /// Units that never start.
    public var masked: [String] = []
    public init() {}
  }

  /// What is this machine's alone, and what no test waits for.
  static let emptying = """
    cd root
    rm -rf etc/systemd/system etc/systemd/network etc/systemd/system-generators etc/fstab etc/sysctl.d \\
      etc/sysctl.conf etc/NetworkManager/system-connections etc/modules-load.d etc/modules var/log/journal
    mkdir -p etc/systemd/system etc/systemd/system-generators etc/NetworkManager/system-connections
    chmod 700 etc/NetworkManager/system-connections
    ln -s /dev/null etc/systemd/system-generators/systemd-sysv-generator
    for unit in getty.target console-getty.service dev-hugepages.mount sys-kernel-debug.mount \\
      sys-kernel-tracing.mount sys-fs-fuse-connections.mount systemd-update-utmp.service \\
      systemd-logind.service e2scrub_reap.service; do
      ln -s /dev/null etc/systemd/system/$unit
    done
    cd ..
    """
}

/// A file that a container has and this machine has not.
public struct ContainerFile: Sendable {
  enum Content: Sendable {
    case text(String)
    /// Of this file of the machine.
    case copy(of: String)
  }
  let path: String
  let content: Content
  let mode: mode_t

  public init(_ path: String, _ text: String, mode: mode_t = 0o644) {
    (self.path, content, self.mode) = (path, .text(text), mode)
  }

  public init(_ path: String, copying original: String, mode: mode_t = 0o644) {
    (self.path, content, self.mode) = (path, .copy(of: original), mode)
  }
}
