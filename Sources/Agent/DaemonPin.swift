import Configuration
import EventLoop
import JSON
import Reconciliation

/// How long a person's choice of an exit stands.
enum PinLifetime {
  /// Until the agent ends.
  case run
  /// Until another choice.
  case kept
}

/// What POST /exit asks for.
struct PinRequest: Equatable {
  /// An exit's, or `auto`.
  let name: String
  let lifetime: PinLifetime

  /// nil for anything but an object with a name.
  init?(parsing body: [UInt8]) {
    guard let question = try? JSONValue(parsing: body), let name = question["use"]?.string else { return nil }
    self.name = name
    lifetime = question["keep"]?.bool == true ? .kept : .run
  }
}

/// Why a person's choice of an exit was not taken.
struct PinRefusal: Error {
  let reason: String
}

extension Daemon {
  /// The answer to POST /exit: `{"use": "cloud-b", "keep": false}`.
  func answerExit(_ body: [UInt8]) -> HTTPResponse {
    guard let request = PinRequest(parsing: body) else {
      return HTTPResponse(status: 400, "expected an object with use, an exit's name or auto")
    }
    do throws(PinRefusal) {
      let result = try use(request.name, for: request.lifetime)
      let active = JSONValue.array(situation.choice.active.map(JSONValue.string))
      return HTTPResponse(json: ["result": .string(result), "active": active, "error": .null])
    } catch {
      return HTTPResponse(json: ["result": "refused", "active": .null, "error": .string(error.reason)])
    }
  }

  /// Pins the traffic to that exit; `auto` gives the choice back.
  private func use(_ name: String, for lifetime: PinLifetime) throws(PinRefusal) -> String {
    guard case .gateway(let gateway) = configuration.role else {
      throw PinRefusal(reason: "this is a cloud server; exits are a gateway's to choose")
    }
    let pinned = name == "auto" ? nil : name
    if let pinned { try check(pinned, gateway) }
    do throws(ConfigurationStore.Failure) {
      let store = ConfigurationStore(directory: options.stateDirectory)
      try store.savePinnedExit(lifetime == .kept ? pinned : nil, for: options.configurationPath)
    } catch {
      throw PinRefusal(reason: "\(error); nothing was changed")
    }
    situation.choice.pinned = pinned
    log.write(.notice, "exit chosen by request", [("exit", name), ("kept", "\(lifetime == .kept)")])
    if chooseExits(gateway) { pass([], cause: .probe) } else { tellService() }
    guard let pinned else { return "the agent chooses the exit again" }
    return "traffic is pinned to \(pinned)"
      + (lifetime == .kept ? ", also after a restart" : " until the agent restarts")
  }

  private func check(_ name: String, _ gateway: GatewaySettings) throws(PinRefusal) {
    guard gateway.exits.contains(where: { $0.name == name }) else {
      let names = gateway.exits.map(\.name).joined(separator: ", ")
      throw PinRefusal(reason: "there is no exit \"\(name)\"; the exits are \(names)")
    }
    guard situation.health[name]?.isUsable == true else {
      let state = situation.health[name]?.state ?? .unknown
      let problem = situation.exitProblems[name].map { ": \($0)" } ?? ""
      throw PinRefusal(
        reason: "exit \(name) is \(state.rawValue)\(problem); pinned to it, all traffic would be blocked")
    }
  }
}

extension Situation {
  /// Takes up a pin that was kept, if the configuration still has that exit.
  mutating func pin(_ name: String?, _ configuration: AgentConfiguration, _ log: Log) {
    guard let name, case .gateway(let gateway) = configuration.role else { return }
    guard gateway.exits.contains(where: { $0.name == name }) else {
      return log.write(
        .warning, "traffic was pinned to an exit that is not configured any more", [("exit", name)])
    }
    choice.pinned = name
  }
}
