import Glibc

extension HTTPResponse {
  /// The answer as it goes out. An answer to HEAD has the length of the body and not the body.
  func message(withBody: Bool) -> [UInt8] {
    var head = [
      "HTTP/1.1 \(status) \(reason)",
      "Date: \(HTTPResponse.date())",
      "Content-Type: \(contentType)",
      "Content-Length: \(body.count)",
      "Connection: close",
    ]
    if !allowed.isEmpty { head.append("Allow: " + allowed.map(\.text).joined(separator: ", ")) }
    let bytes = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    return withBody ? bytes + body : bytes
  }

  /// RFC 9110, section 15; empty for a number that the agent never sends.
  private var reason: String {
    switch status {
    case 200: "OK"
    case 202: "Accepted"
    case 204: "No Content"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 422: "Unprocessable Content"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }

  /// IMF-fixdate, RFC 9110, 5.6.7; in the C locale, which a program has unless it asks for another.
  private static func date() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    var text = [CChar](repeating: 0, count: 40)
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
