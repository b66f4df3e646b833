/// Panels drawn as an SVG document, two beside each other: a stand-in for what Grafana draws.
struct DashboardDrawing {
  private static let width = 560.0
  private static let height = 210.0
  /// Of the drawing in a panel: above it stands the title, below it the legend.
  private static let plot = (left: 72.0, top: 34.0, width: 474.0, height: 112.0)
  private static let palette = [
    "#3274d9", "#e0752d", "#299c46", "#ba43a9", "#d44a3a", "#0a8c8c", "#8f6b00", "#6b6bd6",
  ]
  private static let named = [
    "red": "#d44a3a", "orange": "#e0a02d", "green": "#299c46", "blue": "#3274d9", "purple": "#8f3bb8",
  ]

  /// Of the names beside states.
  private static let nameWidth = 60.0

  /// The time that all panels show, in seconds.
  let start: Double
  let end: Double
  private var body = ""
  private var count = 0

  init(from start: Double, to end: Double) {
    self.start = start
    self.end = end
  }

  mutating func add(_ panel: Dashboard.Panel, _ lines: [Dashboard.Panel.Line]) {
    let (x, y) = (Double(count % 2) * (Self.width + 12) + 8, Double(count / 2) * (Self.height + 12) + 8)
    body += "<g transform=\"translate(\(number(x)) \(number(y)))\">\n"
    body +=
      "<rect class=\"panel\" width=\"\(number(Self.width))\" height=\"\(number(Self.height))\" rx=\"4\"/>\n"
    body += text(12, 22, panel.title, "title")
    if panel.states.isEmpty { draw(lines, panel.unit ?? "") } else { draw(lines, panel.states) }
    body += "</g>\n"
    count += 1
  }

  var document: String {
    let (width, rows) = (2 * Self.width + 28, Double((count + 1) / 2))
    let height = rows * (Self.height + 12) + 8
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" font-family="sans-serif" font-size="11">
      <style>
      .page { fill: #f4f5f5 } .panel { fill: #fff; stroke: #ddd } .title { font-size: 13px; font-weight: bold; fill: #333 }
      .axis { fill: #777 } .grid { stroke: #e4e4e4 } .name { fill: #333 } .state { fill: #fff }
      </style>
      <rect class="page" width="\(number(width))" height="\(number(height))"/>
      \(body)</svg>

      """
  }

  // MARK: Kinds of panels

  private mutating func draw(_ lines: [Dashboard.Panel.Line], _ unit: String) {
    let plot = Self.plot
    let highest = lines.flatMap(\.samples).map(\.value).filter(\.isFinite).max() ?? 0
    let top = highest > 0 ? highest : 1
    for share in [0.0, 0.5, 1.0] {
      let y = plot.top + plot.height * (1 - share)
      body += "<path class=\"grid\" d=\"M\(number(plot.left)) \(number(y))h\(number(plot.width))\"/>\n"
      body += text(plot.left - 6, y + 4, quantity(top * share, unit), "axis", anchor: "end")
    }
    for (place, line) in lines.enumerated() {
      let path = self.path(line.samples, top)
      if path.isEmpty { continue }
      body += "<path d=\"\(path)\" fill=\"none\" stroke=\"\(colour(place))\" stroke-width=\"1.4\"/>\n"
    }
    legend(lines)
  }

  private mutating func draw(
    _ lines: [Dashboard.Panel.Line], _ states: [Int: (text: String, colour: String)]
  ) {
    let height = min(30, Self.plot.height / Double(max(1, lines.count)))
    for (row, line) in lines.enumerated() {
      let y = Self.plot.top + Double(row) * (height + 6)
      body += text(12, y - 2 + height / 2, line.name, "name")
      for run in runs(line.samples) {
        let state = states[Int(run.value)]
        let (from, to) = (x(run.from, beside: Self.nameWidth), x(run.to, beside: Self.nameWidth))
        let width = max(0.5, to - from)
        body +=
          "<rect x=\"\(number(from))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height - 4))\" fill=\"\(Self.named[state?.colour ?? ""] ?? "#999")\"/>\n"
        if width > 44 { body += text(from + 5, y + height / 2 + 2, state?.text ?? "", "state") }
      }
    }
  }

  /// Broken where there is nothing for longer than from one sample to the next.
  private func path(_ samples: [(time: Double, value: Double)], _ top: Double) -> String {
    let longest = (end - start) / 200 * 1.5
    var last: Double?
    return samples.filter(\.value.isFinite).reduce(into: "") { path, sample in
      let y = Self.plot.top + Self.plot.height * (1 - min(1, max(0, sample.value) / top))
      let isNext = last.map { sample.time - $0 <= longest } ?? false
      path += "\(isNext ? "L" : "M")\(number(x(sample.time))) \(number(y))"
      last = sample.time
    }
  }

  /// Stretches of one value.
  private func runs(_ samples: [(time: Double, value: Double)]) -> [(from: Double, to: Double, value: Double)]
  {
    samples.reduce(into: [(from: Double, to: Double, value: Double)]()) { runs, sample in
      if let last = runs.last {
        runs[runs.count - 1].to = sample.time
        if last.value == sample.value { return }
      }
      runs.append((sample.time, sample.time, sample.value))
    }
  }

  private mutating func legend(_ lines: [Dashboard.Panel.Line]) {
    var (left, y) = (12.0, Self.plot.top + Self.plot.height + 22)
    for (place, line) in lines.enumerated() {
      let width = Double(line.name.count) * 6.2 + 26
      if left + width > Self.width - 8, left > 12 { (left, y) = (12, y + 15) }
      guard y < Self.height - 4 else {
        body += text(Self.width - 14, y - 15, "…", "name")
        return
      }
      body +=
        "<rect x=\"\(number(left))\" y=\"\(number(y - 7))\" width=\"9\" height=\"4\" fill=\"\(colour(place))\"/>\n"
      body += text(left + 13, y, line.name, "name")
      left += width
    }
  }

  // MARK: Pieces

  /// - Parameter names: columns that names have at the left, beside those of the axis.
  private func x(_ time: Double, beside names: Double = 0) -> Double {
    Self.plot.left + names + (Self.plot.width - names) * (time - start) / max(end - start, 1)
  }

  private func colour(_ place: Int) -> String { Self.palette[place % Self.palette.count] }

  private func text(
    _ x: Double, _ y: Double, _ text: String, _ kind: String, anchor: String = "start"
  ) -> String {
    let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    return
      "<text x=\"\(number(x))\" y=\"\(number(y))\" class=\"\(kind)\" text-anchor=\"\(anchor)\">\(safe)</text>\n"
  }

  /// With one digit behind the point.
  private func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

  /// As Grafana writes its units, nearly.
  private func quantity(_ value: Double, _ unit: String) -> String {
    switch unit {
    case "s": value < 0.1 ? "\(number(value * 1_000)) ms" : "\(number(value)) s"
    case "percentunit": "\(number(value * 100)) %"
    case "Bps": scaled(value) + "B/s"
    case "pps": scaled(value) + "p/s"
    case "ops", "reqps": "\(number(value)) /s"
    default: number(value)
    }
  }

  private func scaled(_ value: Double) -> String {
    if value >= 1e6 { return "\(number(value / 1e6)) M" }
    return value >= 1e3 ? "\(number(value / 1e3)) k" : "\(number(value)) "
  }
}
