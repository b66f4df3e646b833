import Glibc

extension Lab {
  /// One UDP datagram to an echo server, and the client's address as it saw it. `source` is the address to send
  /// from, which need not be the node's own: a spoofed one gets no answer back, but leaves all the same.
  public func ask(
    from node: Node, source: String? = nil, host: String = Address.server,
    within limit: Duration = .seconds(1)
  ) -> Result<String, LabError> {
    do {
      let answer = try namespace(node).inside {
        let probe = try UDPProbe(to: host, from: source)
        guard probe.send(0) == .sent else { return "" }
        var seen = ""
        let end = Moment.now + limit
        while seen.isEmpty, Moment.now < end {
          probe.collect(until: min(end, .now + .milliseconds(5))) { seen = $0 ?? "" }
        }
        return seen
      }
      return answer.isEmpty ? .failure(LabError("asking \(host) by UDP", "no answer")) : .success(answer)
    } catch let error as LabError {
      return .failure(error)
    } catch {
      return .failure(LabError("asking \(host) by UDP", "\(error)"))
    }
  }
}
