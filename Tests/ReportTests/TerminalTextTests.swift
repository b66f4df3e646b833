import Glibc
import Report
import Testing

@Suite("Text on its way to a terminal")
struct TerminalTextTests {
  @Test(
    "shows what a terminal would act upon",
    arguments: [
      ("cloud-a", "cloud-a"), ("", ""), ("\u{1b}[2J", "\\u{1b}[2J"), ("a\r\n\tb", "a\\r\\n\\tb"),
      ("\0", "\\u{0}"),
      ("\u{9b}31m", "\\u{9b}31m"), ("\u{7f}", "\\u{7f}"), ("\u{202e}evil", "\\u{202e}evil"),
      ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"), ("\u{2028}", "\\u{2028}"), ("a\u{a0}b", "a b"),
      ("\u{e000}", "\\u{e000}"), ("\u{10ffff}", "\\u{10ffff}"), ("\u{3164}", "\\u{3164}"),
      ("東京 é ж", "東京 é ж"),
      ("e\u{301}", "e\u{301}"), ("e\u{301}\u{302}\u{303}", "e\u{301}\u{302}\\u{303}"),
      ("\u{301}e", "\\u{301}e"),
      (" \u{301}", " \\u{301}"), ("\u{e0041}", "\\u{e0041}"),
    ])
  func escapes(_ text: String, _ shown: String) {
    #expect(Array(terminalSafe(text).unicodeScalars) == Array(shown.unicodeScalars))
  }

  @Test(
    "counts columns as a terminal does",
    arguments: [
      ("", 0), ("abc", 3), ("東京", 4), ("ｆｕｌｌ", 8), ("e\u{301}", 1), ("─▶●✗→…", 6), ("👩", 2), ("한국", 4),
    ])
  func columns(_ text: String, _ count: Int) {
    #expect(terminalColumns(text) == count)
  }

  @Test("never takes a character for narrower than the C library does")
  func wcwidth() throws {
    typealias Function = @convention(c) (wchar_t) -> Int32
    let wcwidth = try unsafeBitCast(#require(dlsym(nil, "wcwidth")), to: Function.self)
    let unicode = try #require(newlocale(1 << LC_CTYPE, "C.UTF-8", nil))
    let before = uselocale(unicode)
    defer {
      _ = uselocale(before)
      freelocale(unicode)
    }
    #expect(wcwidth(0x6771) == 2)
    let narrower = (UInt32(0x20)...0x3_ffff).compactMap(Unicode.Scalar.init).filter { scalar in
      let text = String(scalar)
      return terminalSafe(text) == text && terminalColumns(text) < Int(wcwidth(wchar_t(scalar.value)))
    }
    #expect(narrower.isEmpty)
  }
}
