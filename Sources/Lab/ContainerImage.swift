import Glibc

/// What containers see besides this machine's own programs: Debian packages, installed above the machine's root and
/// nowhere else, from files, with no service started. Made once and shared by any number of containers.
public final class ContainerImage: Sendable {
  let root: OverlayRoot
  private static let counter = Guarded(0)

  /// - Parameter directory: holds the packages (`*.deb`) with all that they need and the machine lacks.
  public init(installing directory: String) throws {
    guard names(in: directory).contains(where: { $0.hasSuffix(".deb") }) else {
      throw LabError("installing the packages in \(directory)", "there are none; run make setup")
    }
    let number = ContainerImage.counter.withLock { counter in
      counter += 1
      return counter
    }
    root = try OverlayRoot(
      named: "image\(number)",
      .init(
        script: ContainerImage.installation, variables: ["packages": directory], limit: .seconds(120)))
  }

  /// The overlay is unmounted in the end: its upper layer may be the lower one of others then (overlayfs's
  /// documentation, "Changes to underlying filesystems").
  private static let installation = """
    mount --rbind /dev root/dev
    mount --bind /proc root/proc
    mount --bind "$packages" root/mnt
    rm -f root/usr/sbin/policy-rc.d
    printf '#!/bin/sh\\nexit 101\\n' > root/usr/sbin/policy-rc.d
    chmod 755 root/usr/sbin/policy-rc.d
    export DEBIAN_FRONTEND=noninteractive
    # Manuals would only have their index made anew.
    chroot root dpkg --install --force-unsafe-io --force-confnew --path-exclude='/usr/share/man/*' \\
      --path-exclude='/usr/share/doc/*' --recursive /mnt </dev/null
    rm root/usr/sbin/policy-rc.d
    umount --recursive root
    """
}
