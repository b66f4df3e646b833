/// One value of a metric, with its labels in order.
struct Sample {
  let labels: [(name: String, value: String)]
  let value: String

  init(_ value: Double, _ labels: [(String, String)] = []) {
    self.labels = labels
    self.value = MetricsWriter.number(value)
  }

  init(_ value: UInt64, _ labels: [(String, String)] = []) {
    self.labels = labels
    self.value = String(value)
  }

  init(_ value: Int, _ labels: [(String, String)] = []) {
    self.labels = labels
    self.value = String(value)
  }
}

/// Writes Prometheus's text format 0.0.4. Samples whose labels were seen before in the same metric are left out:
/// a name that occurs twice must not make the whole page unreadable to the scraper.
struct MetricsWriter {
  private(set) var text = ""

  mutating func counter(_ name: String, _ help: String, _ samples: [Sample]) {
    family(name, help, type: "counter", samples)
  }

  mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
    family(name, help, type: "gauge", samples)
  }

  mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
    family(name, help, type: "histogram", [])
    for (bound, count) in histogram.cumulative {
      text += "\(name)_bucket{le=\"\(MetricsWriter.number(bound))\"} \(count)\n"
    }
    text += "\(name)_bucket{le=\"+Inf\"} \(histogram.count)\n"
    text += "\(name)_sum \(MetricsWriter.number(histogram.sum.seconds))\n"
    text += "\(name)_count \(histogram.count)\n"
  }

  private mutating func family(_ name: String, _ help: String, type: String, _ samples: [Sample]) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    var seen: Set<String> = []
    for sample in samples {
      let labels = sample.labels.map { "\($0.name)=\"\(MetricsWriter.escaped($0.value))\"" }
      let series = labels.isEmpty ? name : name + "{" + labels.joined(separator: ",") + "}"
      if seen.insert(series).inserted { text += "\(series) \(sample.value)\n" }
    }
  }

  /// A number as Go's ParseFloat reads it, whole ones without a fraction.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    guard value.isFinite else { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
  }

  /// A label's value: backslash, quote and line feed as the format has them; what else a terminal would act upon,
  /// should a person read the page with curl, made visible.
  static func escaped(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default:
        if ScalarKind(scalar) == .unsafe {
          escaped += "\\" + Report.escaped(scalar)
        } else {
          escaped.unicodeScalars.append(scalar)
        }
      }
    }
    return escaped
  }
}
