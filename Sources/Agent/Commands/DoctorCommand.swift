import CLinux
import Doctor
import Glibc
import Report

extension Tool {
  /// liteboxd-agent doctor
  func doctor() -> Int32 {
    attempt {
      let diagnosis = Diagnosis(try HostSurvey(self).run())
      if invocation.flags.contains("--json") {
        print(diagnosis.json(.current, at: wallClock()).text + "\n", to: 1)
      } else {
        let (width, style) = Tool.page
        print(DoctorPage.render(diagnosis, width: width, style: style), to: 1)
      }
      return diagnosis.exitStatus
    }
  }

  /// How wide standard output is, and whether it takes colours.
  static var page: (width: Int, style: StatusPage.Style) {
    let columns = Int(clinux_terminal_columns(1))
    let isPlain = isatty(1) == 0 || getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    return (columns > 0 ? columns : 80, isPlain ? .plain : .coloured)
  }
}
