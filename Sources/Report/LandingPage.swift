/// What a browser gets that was pointed at the metrics' address: what this is, how it stands, and where the rest is.
/// Nothing is loaded from elsewhere, and nothing runs in it.
public enum LandingPage {
  /// The answer's `Content-Type`.
  public static let contentType = "text/html; charset=utf-8"

  /// No more than the metrics say: who may read the whole status is the status socket's to decide.
  public static func render(_ status: AgentStatus) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>liteboxd-agent: \(status.phase.rawValue)</title>
    <style>
    body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 44em; padding: 0 1em; color: #222; background: #fff }
    p.phase { border-left: 6px solid \(colour(status.phase)); padding-left: 1em }
    code { font-family: monospace }
    @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } a { color: #8bf } }
    </style>
    </head>
    <body>
    <h1>liteboxd-agent</h1>
    <p class="phase">Phase <strong>\(status.phase.rawValue)</strong> since \(status.phaseSince): \(status.phase.meaning).</p>
    <p>Version \(escaped(status.version)) (\(escaped(status.commit))), role \(status.role.rawValue).</p>
    <ul>
    <li><a href="/metrics">/metrics</a>: for Prometheus</li>
    <li><a href="/readyz">/readyz</a>: 200 while traffic flows, 503 with the reasons' codes while it does not</li>
    <li><a href="/healthz">/healthz</a>: 200 while the agent is alive</li>
    </ul>
    <p>On this host, <code>liteboxd-agent status</code> says what is the matter and what to do about it.</p>
    </body>
    </html>

    """
  }

  private static func colour(_ phase: Phase) -> String {
    switch phase.tone {
    case .good: "#2a7d2a"
    case .caution: "#b8860b"
    case .bad: "#b22222"
    case .plain, .strong, .faint: "#888"
    }
  }

  /// For text between tags.
  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
