import Foundation
import Rendering
import Testing
import ZeroTier

/// Documents for operators, and the same in Chinese.
private let translated = [
  ("README.md", "README.zh-CN.md"), ("docs/exits.md", "docs/zh-CN/exits.md"),
  ("docs/migration.md", "docs/zh-CN/migration.md"), ("docs/operations.md", "docs/zh-CN/operations.md"),
  ("docs/troubleshooting.md", "docs/zh-CN/troubleshooting.md"),
]

@Suite("The documents in two languages")
struct TranslationTests {
  @Test(
    "have the same headings, and below each the same commands, words of the program, rows and links",
    arguments: translated)
  func equal(_ english: String, _ chinese: String) throws {
    #expect(try Document(english).differences(from: Document(chinese)) == [])
  }

  /// Each is a change of the Chinese text that has to be noticed.
  static let changes: [(what: String, from: String, to: String)] = [
    ("headings", "\n### 增加出口\n", "\n"), ("headings", "\n### 增加出口\n", "\n#### 增加出口\n"),
    ("names", "### LiteboxdFight", "### LiteboxdStrife"),
    ("codes", "`gateway.exits` 中加上它", "`gateway.exit` 中加上它"),
    ("blocks", "liteboxd-agent exit use auto", "liteboxd-agent exit use cloud-a"),
    ("rows", "| `/healthz` | 200：agent 存活 |\n", ""), ("items", "2. 到那个网关节点上", "到那个网关节点上"),
    ("links", "](../fail-closed.md)", "](../architecture.md)"),
  ]

  @Test("a change of only one language is noticed", arguments: changes)
  func control(_ what: String, _ old: String, _ new: String) throws {
    let chinese = try text(of: "docs/zh-CN/operations.md")
    #expect(chinese.contains(old))
    let changed = Document("docs/zh-CN/operations.md", text: chinese.replacing(old, with: new))
    let found = try Document("docs/operations.md").differences(from: changed)
    #expect(found.contains { $0.hasPrefix("\(what): ") }, "\(found)")
  }

  @Test("name each other on top", arguments: translated)
  func mutual(_ english: String, _ chinese: String) throws {
    #expect(try Document(english).links(to: chinese) && Document(chinese).links(to: english))
  }

  @Test("are in their language: no heading of the Chinese is English but for names")
  func language() throws {
    for section in try translated.flatMap({ try Document($0.1).sections }) where section.level > 1 {
      let isName = section.title.hasPrefix("`") || section.title.hasPrefix("Liteboxd")
      #expect(
        isName || section.title.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) },
        "\(section.title)")
    }
  }

  @Test("there is no document in Chinese but those")
  func all() throws {
    let names = try FileManager.default.contentsOfDirectory(
      atPath: packageRoot.appending(path: "docs/zh-CN").path)
    #expect(
      Set(names.map { "docs/zh-CN/\($0)" }) == Set(translated.map(\.1)).subtracting(["README.zh-CN.md"]))
  }
}

extension Document {
  /// What the same document in the other language has otherwise: "codes: 网关节点".
  fileprivate func differences(from other: Document) -> [String] {
    guard sections.map(\.level) == other.sections.map(\.level) else {
      return ["headings: \(sections.map(\.title)) \(other.sections.map(\.title))"]
    }
    return zip(sections, other.sections).flatMap { one, other in
      let isName = one.title.hasPrefix("Liteboxd")
      let sames = [
        "names": one.titleCodes == other.titleCodes && (!isName || one.title == other.title),
        "codes": one.codes == other.codes, "blocks": one.blocks == other.blocks,
        "rows": one.tableRows == other.tableRows, "items": one.items == other.items,
        "links": one.links.map(withoutLanguage) == other.links.map(withoutLanguage),
      ]
      return sames.filter { !$0.value }.keys.map { "\($0): \(other.title)" }
    }
  }

  /// "../exits.md", "zh-CN/exits.md" and "exits.md" are one document.
  private func withoutLanguage(_ link: String) -> String {
    link.replacing("../", with: "").replacing("zh-CN/", with: "").replacing(".zh-CN", with: "")
  }

  /// Where a link of it leads, from the package's root.
  func target(of link: String) -> URL {
    let file = link.split(separator: "#", omittingEmptySubsequences: false)[0]
    let own = packageRoot.appending(path: path)
    return file.isEmpty ? own : own.deletingLastPathComponent().appending(path: String(file)).standardized
  }

  fileprivate func links(to other: String) -> Bool {
    let wanted = packageRoot.appending(path: other).standardized
    return sections.prefix(2).flatMap(\.links).contains { target(of: $0).path == wanted.path }
  }
}

@Suite("The documents for operators")
struct DocumentTests {
  private static let all =
    translated.flatMap { [$0.0, $0.1] } + [
      "docs/fail-closed.md", "docs/architecture.md", "docs/operator-view.md",
    ]

  @Test("every link leads somewhere", arguments: all)
  func links(_ path: String) throws {
    let document = try Document(path)
    for link in document.sections.flatMap(\.links) where !link.hasPrefix("http") {
      let target = document.target(of: link)
      #expect(FileManager.default.fileExists(atPath: target.path), "\(path): \(link)")
      guard let anchor = link.split(separator: "#").dropFirst().first else { continue }
      let there = String(target.path.dropFirst(packageRoot.standardized.path.count + 1))
      #expect(try Document(there).anchors.contains(String(anchor)), "\(path): \(link)")
    }
  }

  @Test("every command that they name is one, with options that its help names", arguments: all)
  func commands(_ path: String) throws {
    var pages: [String: String] = [:]
    for command in try Document(path).commands {
      let words = command.split { " |&)".contains($0) }.dropFirst()
      guard let name = words.first.map(String.init), name.allSatisfy({ $0.isLowercase }) else { continue }
      let page = try pages[name] ?? run(releaseBinary.path, "help", name).output
      pages[name] = page
      #expect(page.contains("usage: liteboxd-agent"), "\(path): \(command): \(page)")
      for word in words where word.hasPrefix("--") {
        let option = word.prefix { $0 != "=" }
        #expect(
          ["--config", "--socket", "--help"].contains(option) || page.contains(option), "\(path): \(command)")
      }
    }
  }

  @Test("docs/operations.md has a runbook for each alert, to which the alert leads")
  func runbooks() throws {
    let runbooks = try Document("docs/operations.md").sections(below: "Runbooks")
    #expect(runbooks.map(\.title) == PrometheusRules.alerts.map(\.name))
    let rules = try text(of: "config/prometheus-rules.yaml")
    for section in runbooks {
      #expect(!section.blocks.isEmpty && section.items > 0, "\(section.title)")
      #expect(rules.contains("/docs/operations.md#\(section.anchor)'"), "\(section.title)")
    }
  }

  @Test("docs/troubleshooting.md explains each code of a reason or warning, and there are no others")
  func codes() throws {
    let sections = try Document("docs/troubleshooting.md").sections.filter { $0.title.hasPrefix("`") }
    let explained = sections.map { $0.titleCodes[0] }
    #expect(Set(explained).subtracting(["zerotier-api-…"]) == (try Self.codes))
    #expect(Set(explained).count == explained.count)
    for section in sections {
      #expect(section.lines.contains { $0.hasPrefix("- Evidence: ") }, "\(section.title)")
      #expect(section.lines.contains { $0.hasPrefix("- Remedy: ") }, "\(section.title)")
    }
    let ofAPI = try #require(sections.first { $0.titleCodes == ["zerotier-api-…"] })
    let named = ofAPI.codes.filter { $0.hasPrefix("zerotier-api-") && !$0.hasSuffix("…") }
    #expect(named == Set(APIFailure.kinds.map { "zerotier-api-\($0)" }))
  }

  @Test("docs/troubleshooting.md lists each check of doctor, in its order")
  func checks() throws {
    let document = try text(of: "docs/troubleshooting.md")
    let section = try #require(
      document.components(separatedBy: "\n## ").first { $0.hasPrefix("What `doctor`") })
    let listed = section.matches(of: /(?m)^\| `([a-z-]+)` \|/).map { String($0.1) }
    let source = try text(of: "Sources/Doctor/Examination.swift")
    #expect(listed == source.matches(of: /\.init\("([a-z-]+)", "/).map { String($0.1) } && listed.count > 20)
  }

  /// As the sources have them.
  private static var codes: Set<String> {
    get throws {
      var codes: Set<String> = []
      let files = FileManager.default.enumerator(atPath: packageRoot.appending(path: "Sources").path)
      for case let file as String in try #require(files) where file.hasSuffix(".swift") {
        let source = try text(of: "Sources/\(file)")
        codes.formUnion(source.matches(of: /code: "([a-z0-9-]+)"/).map { String($0.1) })
      }
      let reasons = try text(of: "Sources/Reconciliation/BlockReasonText.swift")
      let list = try #require(reasons.firstMatch(of: /(?s)var code: String \{(.*?)\n  \}/)).1
      codes.formUnion(list.matches(of: /: "([a-z-]+)"/).map { String($0.1) })
      #expect(codes.count > 30)
      return codes
    }
  }
}
