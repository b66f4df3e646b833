/// What `iptables-save` prints, or a file that `iptables-restore` takes (iptables-save(8)).
public struct IptablesListing: Equatable, Sendable {
  /// One `-A` line.
  public struct Entry: Hashable, Sendable {
    public let table: String
    public let chain: String
    /// Behind the chain's name, with quotes taken off: what `iptables -D CHAIN` takes.
    public let words: [String]
    /// Among the text's lines, which newlines alone end, from 0.
    public let line: Int
  }

  public private(set) var entries: [Entry] = []
  /// Policies of the built-in chains, by table and chain: `filter FORWARD`.
  private var policies: [String: String] = [:]

  public init(parsing text: String) {
    var table = ""
    for (number, octets) in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
      let line = Substring(octets)
      switch line.first {
      case "*": table = String(line.dropFirst()).trimmed
      case ":":
        let words = line.dropFirst().split(separator: " ")
        if words.count >= 2 { policies["\(table) \(words[0])"] = String(words[1]) }
      case "-", "[":
        // With counters: `[12:3456] -A …`.
        var words = Self.words(line)[...]
        if words.first?.hasPrefix("[") == true { words.removeFirst() }
        guard words.count >= 2, words.removeFirst() == "-A" else { continue }
        let chain = words.removeFirst()
        entries.append(Entry(table: table, chain: chain, words: Array(words), line: number))
      default: continue
      }
    }
  }

  /// Splits at blanks outside of double quotes; a backslash in quotes takes the next character as it is.
  static func words(_ line: some StringProtocol) -> [String] {
    var words: [String] = []
    var word: String?
    var (isQuoted, isEscaped) = (false, false)
    for character in line {
      switch character {
      case _ where isEscaped:
        word?.append(character)
        isEscaped = false
      case "\\" where isQuoted: isEscaped = true
      case "\"":
        isQuoted.toggle()
        word = word ?? ""
      case " " where !isQuoted:
        if let word { words.append(word) }
        word = nil
      default: if word == nil { word = String(character) } else { word?.append(character) }
      }
    }
    return words + (word.map { [$0] } ?? [])
  }

  /// Whether something forwarded may end in this listing's filter table, by FORWARD's policy or by an entry of a
  /// chain that it leads to: then what accepts before has a use.
  public var dropsForwarded: Bool {
    if let policy = policies["filter FORWARD"], policy != "ACCEPT" { return true }
    let chains = Dictionary(grouping: entries.filter { $0.table == "filter" }, by: \.chain)
    var (reached, waiting): (Set<String>, [String]) = (["FORWARD"], ["FORWARD"])
    while let chain = waiting.popLast() {
      for target in (chains[chain] ?? []).compactMap(\.target) {
        if target == "DROP" || target == "REJECT" { return true }
        if reached.insert(target).inserted { waiting.append(target) }
      }
    }
    return false
  }
}

extension IptablesListing.Entry {
  /// Behind `-j` or `-g`.
  var target: String? {
    words.firstIndex { $0 == "-j" || $0 == "-g" }.flatMap {
      words.indices.contains($0 + 1) ? words[$0 + 1] : nil
    }
  }

  /// `-t nat -D POSTROUTING -s …`
  public var deletion: [String] { ["-t", table, "-D", chain] + words }
}

extension String {
  fileprivate var trimmed: String { split(separator: " ").joined(separator: " ") }
}
