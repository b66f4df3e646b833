import EventLoop
import Glibc
import Model

/// Asks zerotier-one's local API about one network, one question after another, on one connection a round that is closed
/// with the last answer: eight connections that are open would block the API for everybody.
public final class ZeroTierClient {
  public struct Settings: Hashable, Sendable {
    public let network: ZeroTierNetworkID
    /// nil: loopback, at the port that zerotier-one's port file says, or 9993.
    public let endpoint: Endpoint?
    public let authTokenFile: String
    /// `authtoken` in it is used in place of the file, if it exists.
    public let credentialsDirectory: String?
    /// For each question.
    public let deadline: Duration

    public init(
      network: ZeroTierNetworkID, endpoint: Endpoint? = nil,
      authTokenFile: String = "/var/lib/zerotier-one/authtoken.secret",
      credentialsDirectory: String? = getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) },
      deadline: Duration = .milliseconds(1500)
    ) {
      self.network = network
      self.endpoint = endpoint
      self.authTokenFile = authTokenFile
      self.credentialsDirectory = credentialsDirectory
      self.deadline = deadline
    }
  }

  public struct Endpoint: Hashable, Sendable {
    public let address: IPAddress
    public let port: UInt16

    public init(_ address: IPAddress, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  public typealias Completion = (ZeroTierPoll) -> Void

  /// Octets of an answer's body.
  static let maximumBody = 1 << 20

  private let settings: Settings
  private let files: LocalFiles
  private let http: HTTPClient
  private let reader: NetworkReader
  private var round: Round?
  /// Ends a round from the loop that failed before its first question.
  private var failed: EventSource?

  public init(on loop: EventLoop, _ settings: Settings) throws(EventLoopError) {
    self.settings = settings
    files = LocalFiles(
      authTokenFile: settings.authTokenFile, credentialsDirectory: settings.credentialsDirectory)
    reader = NetworkReader(settings.network)
    http = try HTTPClient(on: loop)
    failed = try loop.onTrigger { [unowned self] in finish() }
  }

  /// Calls `completion` once, from the loop, unless the client is released before. False, and nothing is done,
  /// while the last round is under way. After a failure that the next question would meet as well, the
  /// rest of the round has the same failure.
  public func poll(peers: [ZeroTierNodeID] = [], completion: @escaping Completion) -> Bool {
    guard round == nil else { return false }
    var round = Round(peers: peers, completion: completion)
    do throws(APIFailure) {
      round.access = try access()
      self.round = round
      next()
    } catch {
      round.fail(error)
      self.round = round
      failed?.trigger()
    }
    return true
  }

  /// Looked up for each round: both files may be rewritten at any time.
  private func access() throws(APIFailure) -> Round.Access {
    let token = try files.token()
    let endpoint = settings.endpoint ?? Endpoint(ZeroTierClient.loopback, port: files.port())
    return Round.Access(host: endpoint.address.description, port: endpoint.port, token: token)
  }

  private func next() {
    guard let round, let question = round.questions.first, let access = round.access else { return finish() }
    let target = HTTPTarget(host: access.host, port: access.port, path: question.path(settings.network))
    http.get(
      target, headers: [("X-ZT1-Auth", access.token)], deadline: settings.deadline,
      maximumBody: ZeroTierClient.maximumBody, keepsConnection: round.questions.count > 1
    ) { [unowned self] result in
      answered(question, result)
    }
  }

  private func answered(_ question: Round.Question, _ result: Result<HTTPAnswer, HTTPClientFailure>) {
    let failure = round?.take(question, result, by: reader)
    if failure == .unauthorized { files.forgetToken() }
    if let failure, failure.concernsEveryQuestion { round?.fail(failure) }
    next()
  }

  private func finish() {
    guard let round else { return }
    self.round = nil
    round.completion(round.poll)
  }

  static let loopback = IPAddress(family: .ipv4, bits: 0x7f00_0001)
}
