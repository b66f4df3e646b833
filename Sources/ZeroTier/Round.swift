import EventLoop
import Model

/// One round of questions: which are still open, and what the others brought.
struct Round {
  enum Question: Hashable {
    case network
    case node
    case peer(ZeroTierNodeID)
    /// All that the node knows, of which these matter.
    case peers([ZeroTierNodeID])

    func path(_ network: ZeroTierNetworkID) -> String {
      switch self {
      case .network: "/network/\(network)"
      case .node: "/status"
      case .peer(let address): "/peer/\(address)"
      case .peers: "/peer"
      }
    }
  }

  struct Access {
    let host: String
    let port: UInt16
    let token: String
  }

  /// More than so many peers are asked for with one question. The server closes a connection with its seventh answer.
  static let mostSinglePeers = 4

  let completion: ZeroTierClient.Completion
  /// Where the API is, and what opens it; nil before it is known.
  var access: Access?
  private(set) var questions: [Question]
  // Every question is answered or failed before anybody looks.
  private var network: Result<NetworkAnswer, APIFailure> = .failure(.timedOut)
  private var node: Result<NodeReport, APIFailure> = .failure(.timedOut)
  private var peers: [ZeroTierNodeID: Result<PeerReport?, APIFailure>] = [:]

  /// A peer that is named twice is asked about once.
  init(peers: [ZeroTierNodeID], completion: @escaping ZeroTierClient.Completion) {
    self.completion = completion
    var different: [ZeroTierNodeID] = []
    for peer in peers where !different.contains(peer) { different.append(peer) }
    let isList = different.count > Round.mostSinglePeers
    questions = [.network, .node] + (isList ? [.peers(different)] : different.map(Question.peer))
  }

  var poll: ZeroTierPoll { ZeroTierPoll(network: network, node: node, peers: peers) }

  /// Takes the answer to the first open question; hands back why it is none.
  mutating func take(
    _ question: Question, _ result: Result<HTTPAnswer, HTTPClientFailure>, by reader: NetworkReader
  ) -> APIFailure? {
    questions.removeFirst()
    let answer = result.mapError(APIFailure.init)
    switch question {
    case .network:
      network = Round.read(answer) { (answer) throws(APIFailure) in try reader.read(answer) }
      return network.failure
    case .node:
      node = Round.read(answer) { (answer) throws(APIFailure) in
        try NodeReport(status: answer.status, body: answer.body)
      }
      return node.failure
    case .peer(let address):
      let report = Round.read(answer) { (answer) throws(APIFailure) in
        try PeerReport.parse(status: answer.status, body: answer.body, about: address)
      }
      peers[address] = report
      return report.failure
    case .peers(let addresses):
      let reports = Round.read(answer) { (answer) throws(APIFailure) in
        try PeerReport.parseList(status: answer.status, body: answer.body, about: Set(addresses))
      }
      for address in addresses {
        peers[address] = reports.flatMap { $0[address] ?? .success(nil) }
      }
      return reports.failure
    }
  }

  /// Leaves the open questions unasked, for this reason.
  mutating func fail(_ failure: APIFailure) {
    for question in questions {
      switch question {
      case .network: network = .failure(failure)
      case .node: node = .failure(failure)
      case .peer(let address): peers[address] = .failure(failure)
      case .peers(let addresses): for address in addresses { peers[address] = .failure(failure) }
      }
    }
    questions = []
  }

  private static func read<Report>(
    _ answer: Result<HTTPAnswer, APIFailure>, _ parse: (HTTPAnswer) throws(APIFailure) -> Report
  ) -> Result<Report, APIFailure> {
    Result { () throws(APIFailure) in try parse(try answer.get()) }
  }
}

/// Reads what the API says of the network, which is the same again and again.
final class NetworkReader {
  let network: ZeroTierNetworkID
  private var last: (text: HTTPAnswer, answer: NetworkAnswer)?

  init(_ network: ZeroTierNetworkID) { self.network = network }

  func read(_ text: HTTPAnswer) throws(APIFailure) -> NetworkAnswer {
    if let last, last.text.status == text.status, last.text.body == text.body { return last.answer }
    let answer = try NetworkAnswer(status: text.status, body: text.body, about: network)
    last = (text, answer)
    return answer
  }
}

extension Result {
  fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
