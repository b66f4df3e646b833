import Report

// What is needed before anything else can be asked.

extension HostObservations {
  var configurationJudgement: Judgement {
    switch configuration {
    case .usable(let configuration, let path, let warnings):
      if let error = status?.config.error { return .failed(.refusedConfiguration(error, keeping: path)) }
      guard let first = warnings.first else {
        return .passed("\(path), role \(configuration.role.word)")
      }
      return .warned(first + more(warnings.count - 1), "see liteboxd-agent check")
    case .lastGood(_, let path, let error): return .failed(.refusedConfiguration(error, keeping: path))
    case .none(let path, let error):
      return .failed(error, "write \(path), and see liteboxd-agent check", .blocks)
    }
  }

  var privilegesJudgement: Judgement {
    guard !missingPrivileges.isEmpty else { return .passed("all of the host can be looked at") }
    return .warned(
      missingPrivileges.joined(separator: "; "), "run it as root: what is skipped below needs it")
  }

  var daemonJudgement: Judgement {
    daemon.judged { reading in
      switch reading {
      case .answers(let status):
        return .passed("\(status.version) (\(status.commit)), role \(status.role.rawValue)")
      case .absent(let socket):
        return .failed(
          "no daemon is at \(socket): nothing repairs, opens or closes",
          "systemctl start liteboxd-agent; journalctl -u liteboxd-agent says why it is not there")
      case .silent(let problem):
        return .failed(
          "the daemon does not answer: \(problem)",
          "systemctl restart liteboxd-agent; the kernel's state stays as it is meanwhile")
      }
    }
  }

  /// What the daemon makes of it all: what is found here by itself stands before it.
  var phaseJudgement: Judgement {
    guard let status else { return .skipped("no daemon answers") }
    let findings = status.reasons
    let phase = "\(status.phase.rawValue) for \(age(seenAt.seconds(since: status.phaseSince)))"
    guard let first = findings.first else {
      guard status.phase == .ready else {
        return .warned(
          phase, "wait for the first pass; then see journalctl -u liteboxd-agent")
      }
      let codes = status.warnings.map(\.code)
      return .passed(phase + (codes.isEmpty ? "" : "; it warns of \(codes.joined(separator: ", "))"))
    }
    let evidence = "\(phase), \(first.code): \(first.message)" + more(findings.count - 1)
    switch status.phase {
    case .blocked, .starting: return .failed(evidence, first.remedy, .blocks)
    case .degraded, .ready: return .warned(evidence, first.remedy)
    }
  }

  var guardUnitJudgement: Judgement {
    unit.judged { unit in
      guard unit.isInstalled else {
        return .warned(
          "\(unit.name) is not installed: at boot nothing blocks before the agent runs",
          "install the package, or have the host run liteboxd-agent guard before its network is up")
      }
      return unit.isEnabled
        ? .passed("\(unit.name) is enabled")
        : .warned(
          "\(unit.name) is not enabled: at boot nothing blocks before the agent runs",
          "systemctl enable \(unit.name)")
    }
  }

  var recipeJudgement: Judgement {
    recipe.judged { found in
      found.isEmpty
        ? .passed("none is left")
        : .warned(
          "left of a set-up by hand: \(found.joined(separator: ", "))",
          "liteboxd-agent adopt shows what it would take over; adopt --yes does")
    }
  }

  var kernelJudgement: Judgement {
    gateway != nil && kernel.isTooOld ? .failed(.oldKernel(kernel.release)) : .passed(kernel.release)
  }

  var clockJudgement: Judgement {
    isClockSynchronised.judged { isSynchronised in
      isSynchronised
        ? .passed("synchronised")
        : .warned(
          "nobody keeps the clock right (adjtimex: unsynchronised); ZeroTier's certificates and the logs rest on it",
          "timedatectl set-ntp true, or run chronyd")
    }
  }
}

/// Behind the first of several.
func more(_ count: Int) -> String { count > 0 ? "; and \(count) more" : "" }
