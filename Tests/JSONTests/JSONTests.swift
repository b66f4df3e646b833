import JSON
import Testing

@Suite("JSON documents")
struct JSONTests {
  @Test("a document survives reading and writing, keys in their order")
  func roundTrip() throws {
    let text = #"{"z": [1, -2.5, true, null], "a": {"quote\"": "line\nbreak"}}"#
    let value = try JSONValue(parsing: text.utf8)
    #expect(value.text == text)
    #expect(value["a"]?["quote\""]?.string == "line\nbreak")
  }

  @Test("control characters are written escaped")
  func escapes() throws {
    #expect(JSONValue.string("\u{1b}[2J\u{9b}\0\u{2028}").text == #""\u001b[2J\u009b\u0000\u2028""#)
  }

  @Test(
    "what is no single document is refused with its place",
    arguments: ["", "{", "{\"a\":1,\"a\":2}", "[1] x", "\"\u{1}\"", String(repeating: "[", count: 5000)])
  func refusals(_ text: String) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
  }
}
