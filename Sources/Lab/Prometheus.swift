import Glibc
import JSON

/// A real Prometheus in the lab's Internet, which reaches the agents by their hosts' own uplinks, as an operator's does.
public final class Prometheus: Sendable {
  public struct Options: Sendable {
    /// Names and addresses of agents' metrics.
    public var targets: [(instance: String, address: String)]
    /// Of scrapes and of rules.
    public var interval = Duration.milliseconds(250)
    /// A rules file's text.
    public var rules: String?
    /// OpenMetrics with times, as if they had been scraped then.
    public var past: String?

    public init(targets: [(instance: String, address: String)]) { self.targets = targets }
  }

  /// An alert as Prometheus has it now.
  public struct Alert: Sendable {
    public let name: String
    public let labels: [String: String]
    public let isFiring: Bool
  }

  /// A line of a graph.
  public struct Series: Sendable {
    public let labels: [String: String]
    /// Seconds since the epoch, and values.
    public let samples: [(time: Double, value: Double)]
  }

  private static let address = "127.0.0.1:9090"
  private let namespace: NetworkNamespace
  private let directory: String
  private let process: ChildProcess

  /// Starts it and waits until it answers.
  public init(in lab: Lab, _ options: Options) throws {
    namespace = try lab.namespace(.internet)
    directory = "\(lab.directory)/prometheus"
    try makeDirectory(directory)
    try writeFile("\(directory)/prometheus.yaml", Prometheus.configuration(options), creating: .mode(0o600))
    if let rules = options.rules { try writeFile("\(directory)/rules.yaml", rules, creating: .mode(0o600)) }
    if let past = options.past {
      try writeFile("\(directory)/past.txt", past, creating: .mode(0o600))
      try Command([
        "promtool", "tsdb", "create-blocks-from", "openmetrics", "\(directory)/past.txt", "\(directory)/data",
      ]).output()
    }
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    let log = Descriptor(open("\(directory)/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    guard nothing.number >= 0, log.number >= 0 else {
      throw LabError("opening \(directory)/log", errno: errno)
    }
    process = try ChildProcess(
      namespace.execute([
        "prometheus", "--config.file=\(directory)/prometheus.yaml", "--storage.tsdb.path=\(directory)/data",
        "--web.listen-address=\(Prometheus.address)", "--log.level=warn",
      ]).arguments, streams: .init(input: nothing.number, output: log.number, error: log.number), group: .own)
    lab.keep(process)
    let isReady = eventually(within: .seconds(20), step: .milliseconds(50)) { try? get("/-/ready") }
    guard isReady != nil else {
      throw LabError(
        "starting Prometheus", "no answer after 20 s: \((try? readFile("\(directory)/log")) ?? "")")
    }
  }

  private static func configuration(_ options: Options) -> String {
    let interval = "\(options.interval.nanoseconds / 1_000_000)ms"
    let targets = options.targets.map {
      "      - {targets: ['\($0.address)'], labels: {instance: '\($0.instance)'}}"
    }
    return """
      global: {scrape_interval: \(interval), scrape_timeout: \(interval), evaluation_interval: \(interval)}
      rule_files: [\(options.rules == nil ? "" : "rules.yaml")]
      scrape_configs:
        - job_name: liteboxd-agent
          static_configs:
      \(targets.joined(separator: "\n"))

      """
  }

  private func get(_ path: String, _ parameters: [String: String] = [:]) throws -> String {
    let fields = parameters.flatMap { ["--data-urlencode", "\($0.key)=\($0.value)"] }
    return try namespace.execute(
      ["curl", "-sf", "--max-time", "10", "-G", "http://\(Prometheus.address)\(path)"] + fields
    ).output()
  }

  private func data(_ path: String, _ parameters: [String: String] = [:]) throws -> JSONValue {
    let answer = try JSONValue(parsing: get(path, parameters).utf8)
    guard answer["status"] == "success", let data = answer["data"] else {
      throw LabError("asking Prometheus for \(path)", answer.text)
    }
    return data
  }

  /// Pending and firing ones.
  public func alerts() throws -> [Alert] {
    (try data("/api/v1/alerts")["alerts"]?.array ?? []).map { alert in
      let labels = Prometheus.labels(alert["labels"])
      return Alert(name: labels["alertname"] ?? "", labels: labels, isFiring: alert["state"] == "firing")
    }
  }

  /// Instances whose last scrape succeeded.
  public func reached() throws -> Set<String> {
    let result = try data("/api/v1/query", ["query": "up == 1"])["result"]?.array ?? []
    return Set(result.compactMap { $0["metric"]?["instance"]?.string })
  }

  /// What a graph would show of the time between two moments, in seconds since the epoch.
  public func range(_ expression: String, from start: Double, to end: Double, step: Double) throws -> [Series]
  {
    let question = ["query": expression, "start": "\(start)", "end": "\(end)", "step": "\(step)"]
    return (try data("/api/v1/query_range", question)["result"]?.array ?? []).map { series in
      Series(
        labels: Prometheus.labels(series["metric"]),
        samples: (series["values"]?.array ?? []).compactMap { sample in
          guard let time = sample.array?.first?.number, let text = sample.array?.last?.string,
            let value = Double(text)
          else { return nil }
          return (time, value)
        })
    }
  }

  private static func labels(_ value: JSONValue?) -> [String: String] {
    Dictionary(
      (value?.members ?? []).compactMap { member in member.value.string.map { (member.key, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// The same rules in a time that runs faster: every duration of `expr` and `for`, and nothing else, divided by that
  /// number. What takes a minute then takes 60 / `factor` seconds.
  public static func quickened(_ rules: String, by factor: Int) -> String {
    rules.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      guard line.contains(" expr: ") || line.contains(" for: ") else { return String(line) }
      return String(line).replacing(/\b(\d+)([smhd])\b/) { match in
        let unit = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000][String(match.2)] ?? 0
        return "\((Int(match.1) ?? 0) * unit / factor)ms"
      }
    }.joined(separator: "\n")
  }

  /// The wall clock, in seconds since the epoch.
  public static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
