import JSON
import Model
import Report
import Testing

@Suite("The status document")
struct StatusJSONTests {
  @Test("a status survives writing and reading")
  func roundTrip() throws {
    let status = Example.gateway
    let read = try AgentStatus(json: JSONValue(parsing: status.json().text.utf8))
    #expect(read == status)
  }
}
