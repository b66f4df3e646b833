import CLinux
import Glibc
import Report

/// Standard output, as far as it is somebody's terminal.
enum Terminal {
  static var isThere: Bool { isatty(1) == 1 }
  /// 80 where there is none to ask.
  static var columns: Int {
    let columns = Int(clinux_terminal_columns(1))
    return columns > 0 ? columns : 80
  }
  /// 24 where there is none to ask.
  static var rows: Int {
    let rows = Int(clinux_terminal_rows(1))
    return rows > 0 ? rows : 24
  }

  private static var kind: String { variable("TERM") ?? "" }
  /// Its cursor can be moved.
  static var canBeDrawnUpon: Bool { isThere && kind != "dumb" }

  /// Colour on a terminal alone, and never against somebody's will (no-color.org). Characters beyond ASCII where the
  /// locale has them; the kernel's own console has too few.
  static var style: StatusPage.Style {
    let isColoured = canBeDrawnUpon && variable("NO_COLOR") == nil
    let isSimple = isThere && ["dumb", "linux"].contains(kind)
    return .init(isColoured: isColoured, characters: isUnicode && !isSimple ? .unicode : .ascii)
  }

  /// locale(7): the first of these that is set decides.
  private static var isUnicode: Bool {
    let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? "C"
    let charset = locale.drop { $0 != "." }.dropFirst().prefix { $0 != "@" }
    return charset.lowercased().filter { $0 != "-" } == "utf8"
  }

  /// nil also for an empty one.
  private static func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
