import EventLoop
import Model

/// One round of questions: which are still open, and what the others brought.
struct Round {
  enum Question: Hashable {
    case network
    case node
    case peer(ZeroTierNodeID)

    func path(_ network: ZeroTierNetworkID) -> String {
      switch self {
      case .network: "/network/\(network)"
      case .node: "/status"
      case .peer(let address): "/peer/\(address)"
      }
    }
  }

  let completion: ZeroTierClient.Completion
  var token: String?
  private(set) var questions: [Question]
  // Every question is answered or failed before anybody looks.
  private var network: Result<NetworkAnswer, APIFailure> = .failure(.timedOut)
  private var node: Result<NodeReport, APIFailure> = .failure(.timedOut)
  private var peers: [ZeroTierNodeID: Result<PeerReport?, APIFailure>] = [:]

  /// A peer that is named twice is asked about once.
  init(peers: [ZeroTierNodeID], completion: @escaping ZeroTierClient.Completion) {
    self.completion = completion
    questions = [.network, .node]
    for peer in peers where !questions.contains(.peer(peer)) { questions.append(.peer(peer)) }
  }

  var poll: ZeroTierPoll { ZeroTierPoll(network: network, node: node, peers: peers) }

  /// Takes the answer to the first open question; hands back why it is none.
  mutating func take(
    _ question: Question, _ result: Result<HTTPAnswer, HTTPClientFailure>, about id: ZeroTierNetworkID
  ) -> APIFailure? {
    questions.removeFirst()
    let answer = result.mapError(APIFailure.init)
    switch question {
    case .network:
      network = Round.read(answer) { (answer) throws(APIFailure) in
        try NetworkAnswer(status: answer.status, body: answer.body, about: id)
      }
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
    }
  }

  /// Leaves the open questions unasked, for this reason.
  mutating func fail(_ failure: APIFailure) {
    for question in questions {
      switch question {
      case .network: network = .failure(failure)
      case .node: node = .failure(failure)
      case .peer(let address): peers[address] = .failure(failure)
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

extension Result {
  fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
