import Doctor
import Report

extension Tool {
  /// liteboxd-agent doctor
  func doctor() -> Int32 {
    attempt {
      let diagnosis = Diagnosis(try HostSurvey(self).run())
      if invocation.flags.contains("--json") {
        print(diagnosis.json(.current, at: wallClock()).text + "\n", to: 1)
      } else {
        print(DoctorPage.render(diagnosis, width: Terminal.columns, style: Terminal.style), to: 1)
      }
      return diagnosis.exitStatus
    }
  }
}
