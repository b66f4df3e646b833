/// How the simulated ZeroTier's HTTP API behaves.
public enum ZeroTierAPIFault: String, CaseIterable, Sendable {
  case normal
  /// Takes requests and never answers.
  case hangs
  /// Nobody listens on the port.
  case refused
  /// 200 with a body that is no JSON.
  case garbage
  /// Something that is no HTTP.
  case noHTTP
  case status401
  case status500
  /// A body of 10 GiB that never ends in practice.
  case hugeBody
  case oneBytePerSecond
  /// The answer about another network, whatever was asked for.
  case anotherNetwork
  /// No network at all: `[]`, and 404 for each.
  case emptyList
}

/// What the controller has said about the network, as the API then tells it.
public enum ZeroTierNetworkState: String, CaseIterable, Sendable {
  case ok
  /// ACCESS_DENIED after OK: address, device and assignedAddresses stay, frames no longer pass.
  case deauthorised
  /// ACCESS_DENIED from the start: no address.
  case neverAuthorised
  case notFound
  case requestingConfiguration
  case portError
  case authenticationRequired
  /// Not in the list, and 404 `{}` by itself.
  case notJoined

  /// The API's `status`.
  var status: String {
    switch self {
    case .ok: "OK"
    case .deauthorised, .neverAuthorised: "ACCESS_DENIED"
    case .notFound: "NOT_FOUND"
    case .requestingConfiguration, .notJoined: "REQUESTING_CONFIGURATION"
    case .portError: "PORT_ERROR"
    case .authenticationRequired: "AUTHENTICATION_REQUIRED"
    }
  }
}

/// How the API shows the way to the other nodes. It says nothing of whether frames pass.
public enum ZeroTierPaths: String, CaseIterable, Sendable {
  case direct
  /// `paths: []`, latency -1, and traffic flows.
  case relayed
  /// As after ten minutes without any underlay: `online` false, the cloud servers gone from the list.
  case offline
}

/// What a running stand-in can be told; one line each on its control socket.
public enum ZeroTierCommand: Hashable, Sendable {
  case api(ZeroTierAPIFault)
  /// Frames pass in `.ok` alone; `.passFrames` afterwards makes the API's word and the tunnel disagree.
  case network(ZeroTierNetworkState)
  case paths(ZeroTierPaths)
  /// What is said of this peer from now on, whatever `.paths` says of all; nil: the same as of the others.
  case peer(Node, ZeroTierPeer?)
  /// To and from every node.
  case passFrames
  /// Silently, with the link up and the API content; nil: of every peer.
  case dropFrames(of: Node?)
  /// Of this peer alone; the others' stay as they are.
  case healFrames(of: Node)
  /// What comes from this peer takes so many milliseconds, each frame its own time; 0...0: none.
  case delayFrames(of: Node, by: ClosedRange<Int>)
  case linkDown, linkUp
  /// For good: the device is gone and ZeroTier never makes another before its restart.
  case linkDelete
  case addressDelete, addressAdd
  /// The controller gives another address: the old goes and the new comes within a millisecond or two.
  case addressChange(String)
  /// Into the file and into force, as after a restart with another token.
  case token(String)
  /// Into the file alone: the daemon reads it at its start only.
  case tokenFile(String)
  case apiPort(UInt16)
  /// A second network on the same host, with a device of its own, before the first in the list.
  case otherNetwork(id: String, device: String)
  /// allowDefault: managed routes 0/1 and 128/1 by the first cloud server in the main table, and in the API.
  case managedDefault
  /// In the bodies of all answers from now on, octet for octet: what no controller would say, and no JSON may hold.
  case substitute(String, with: [UInt8])
  /// Answers `ok` once the link has come up as far as it does.
  case isReady

  var line: String {
    switch self {
    case .api(let fault): "api \(fault.rawValue)"
    case .network(let state): "network \(state.rawValue)"
    case .paths(let paths): "paths \(paths.rawValue)"
    case .peer(let node, let peer): "peer \(node) \(peer?.words ?? "usual")"
    case .passFrames: "frames pass"
    case .dropFrames(let node): "frames drop \(node?.rawValue ?? "all")"
    case .healFrames(let node): "frames heal \(node)"
    case .delayFrames(let node, let range): "frames delay \(node) \(range.lowerBound) \(range.upperBound)"
    case .linkDown: "link down"
    case .linkUp: "link up"
    case .linkDelete: "link delete"
    case .addressDelete: "address delete"
    case .addressAdd: "address add"
    case .addressChange(let address): "address change \(address)"
    case .token(let token): "token \(token)"
    case .tokenFile(let token): "token-file \(token)"
    case .apiPort(let port): "port \(port)"
    case .otherNetwork(let id, let device): "other \(id) \(device)"
    case .managedDefault: "managed-default"
    case .substitute(let text, let other): "substitute \(hexadecimal(Array(text.utf8))) \(hexadecimal(other))"
    case .isReady: "ready"
    }
  }

  init?(line: String) {
    let words = line.split(separator: " ").map(String.init)
    guard let verb = words.first else { return nil }
    let argument = words.count > 1 ? words[1] : ""
    let parsed: ZeroTierCommand? =
      switch verb {
      case "api": ZeroTierAPIFault(rawValue: argument).map { .api($0) }
      case "network": ZeroTierNetworkState(rawValue: argument).map { .network($0) }
      case "paths": ZeroTierPaths(rawValue: argument).map { .paths($0) }
      case "frames" where argument == "pass": .passFrames
      case "frames" where words == ["frames", "drop", "all"]: .dropFrames(of: nil)
      case "frames" where words.count == 3:
        Node(rawValue: words[2]).flatMap {
          ["drop": .dropFrames(of: $0), "heal": .healFrames(of: $0)][argument]
        }
      case "frames" where words.count == 5 && argument == "delay": ZeroTierCommand(delay: words.dropFirst(2))
      case "peer" where words.count == 3: Node(rawValue: argument).map { .peer($0, nil) }
      case "peer":
        Node(rawValue: argument).flatMap { node in
          ZeroTierPeer(words: words.dropFirst(2)).map { .peer(node, $0) }
        }
      case "link": ["down": .linkDown, "up": .linkUp, "delete": .linkDelete][argument]
      case "address" where words.count == 3: .addressChange(words[2])
      case "address": ["delete": .addressDelete, "add": .addressAdd][argument]
      case "token": .token(argument)
      case "token-file": .tokenFile(argument)
      case "port": UInt16(argument).map { .apiPort($0) }
      case "other" where words.count == 3: .otherNetwork(id: argument, device: words[2])
      case "managed-default": .managedDefault
      case "substitute" where words.count == 3: ZeroTierCommand(substitute: words)
      case "ready": .isReady
      default: nil
      }
    guard let parsed else { return nil }
    self = parsed
  }
}

extension ZeroTierCommand {
  private init?(substitute words: [String]) {
    guard let text = octets(hexadecimal: words[1]), let other = octets(hexadecimal: words[2]) else {
      return nil
    }
    self = .substitute(String(decoding: text, as: UTF8.self), with: other)
  }

  /// Node, least and most milliseconds.
  private init?(delay words: ArraySlice<String>) {
    let numbers = words.compactMap { Int($0) }
    guard let node = words.first.flatMap(Node.init), numbers.count == 2, numbers[0] >= 0,
      numbers[0] <= numbers[1]
    else { return nil }
    self = .delayFrames(of: node, by: numbers[0]...numbers[1])
  }
}

private func hexadecimal(_ octets: [UInt8]) -> String {
  octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func octets(hexadecimal text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  let pairs = stride(from: 0, to: digits.count, by: 2).map { digits[$0..<min($0 + 2, digits.count)] }
  let octets = pairs.compactMap { UInt8(String(decoding: $0, as: UTF8.self), radix: 16) }
  return octets.count == pairs.count ? octets : nil
}
