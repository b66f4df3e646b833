import EventLoop
import Model

/// Asks zerotier-one's API once which networks this node has joined.
public final class NetworkList {
  private let loop: EventLoop
  private let settings: ZeroTierClient.Settings
  private let files: LocalFiles
  private let http: HTTPClient

  /// - Parameter settings: the network in them is not asked about.
  public init(on loop: EventLoop, _ settings: ZeroTierClient.Settings) throws(EventLoopError) {
    self.loop = loop
    self.settings = settings
    files = LocalFiles(
      authTokenFile: settings.authTokenFile, credentialsDirectory: settings.credentialsDirectory)
    http = try HTTPClient(on: loop)
  }

  /// Turns the loop until there is an answer, or none within the settings' deadline.
  public func ask() throws -> Result<[NetworkReport], APIFailure> {
    let token: String
    do throws(APIFailure) { token = try files.token() } catch { return .failure(error) }
    let endpoint = settings.endpoint ?? .init(ZeroTierClient.loopback, port: files.port())
    let target = HTTPTarget(host: endpoint.address.description, port: endpoint.port, path: "/network")
    var result: Result<[NetworkReport], APIFailure> = .failure(.timedOut)
    http.get(
      target, headers: [("X-ZT1-Auth", token)], deadline: settings.deadline,
      maximumBody: ZeroTierClient.maximumBody
    ) { [loop] answer in
      result = Result { () throws(APIFailure) in
        let answer = try answer.mapError(APIFailure.init).get()
        return try NetworkReport.list(status: answer.status, body: answer.body)
      }
      loop.stop()
    }
    try loop.run()
    return result
  }
}
