import JSON
import Model

extension NetworkReport {
  /// Reads the API's document, which must be about `network`.
  public init(parsing bytes: [UInt8], about network: ZeroTierNetworkID) throws(APIFailure) {
    try self.init(APIDocument(parsing: bytes))
    guard id == network else { throw .anotherNetwork(id) }
  }

  /// Reads the answer to `GET /network`: all that this node has joined.
  public static func list(status: Int, body: [UInt8]) throws(APIFailure) -> [NetworkReport] {
    guard status == 200 else { throw status == 401 ? .unauthorized : .unexpectedStatus(status) }
    var reports: [NetworkReport] = []
    for (place, item) in try APIDocument.list(parsing: body).enumerated() {
      reports.append(try NetworkReport(APIDocument(item, at: "[\(place)]")))
    }
    return reports
  }

  private init(_ document: APIDocument) throws(APIFailure) {
    guard let id = ZeroTierNetworkID(try document.string("id")) else {
      throw document.failure("id", "no network ID of 16 hexadecimal digits")
    }
    self.init(
      id: id, status: NetworkStatus(try document.string("status")),
      interface: try NetworkReport.interface(document),
      assignedAddresses: try NetworkReport.addresses(document),
      name: try document.string("name").printable(limit: 64),
      mtu: Int(try document.integer("mtu", in: 0...65_535)),
      allowDefault: try document.bool("allowDefault"), allowGlobal: try document.bool("allowGlobal"),
      // For doctor's words alone: a version that does not tell it changes nothing.
      allowManaged: document.value["allowManaged"] != .bool(false),
      routes: try NetworkReport.routes(document))
  }

  /// The kernel takes almost any name; only what ZeroTier and its devicemap use is let in.
  private static func interface(_ document: APIDocument) throws(APIFailure) -> InterfaceName? {
    let text = try document.string("portDeviceName")
    if text.isEmpty { return nil }
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
      default: false
      }
    }
    guard isPlain, let name = InterfaceName(text) else {
      throw document.failure("portDeviceName", "no interface name: \"\(text.printable(limit: 32))\"")
    }
    return name
  }

  private static func addresses(_ document: APIDocument) throws(APIFailure) -> [AssignedAddress] {
    var addresses: [AssignedAddress] = []
    for (index, item) in try document.array("assignedAddresses").enumerated() {
      guard let address = item.string.flatMap(AssignedAddress.init) else {
        throw document.failure("assignedAddresses[\(index)]", "no address with a prefix length")
      }
      addresses.append(address)
    }
    return addresses
  }

  private static func routes(_ document: APIDocument) throws(APIFailure) -> [ManagedRoute] {
    var routes: [ManagedRoute] = []
    for route in try document.objects("routes") {
      guard let target = AssignedAddress(try route.string("target")) else {
        throw route.failure("target", "no network")
      }
      routes.append(ManagedRoute(to: target.network, via: try via(route)))
    }
    return routes
  }

  private static func via(_ route: APIDocument) throws(APIFailure) -> IPAddress? {
    if route.value["via"] == .null { return nil }
    guard let address = IPAddress(try route.string("via")) else { throw route.failure("via", "no address") }
    return address
  }
}

extension NetworkAnswer {
  /// Reads the answer to `GET /network/<id>`.
  public init(status: Int, body: [UInt8], about network: ZeroTierNetworkID) throws(APIFailure) {
    switch status {
    case 200: self = .joined(try NetworkReport(parsing: body, about: network))
    // With another body it is the word of something that does not know the path.
    case 404 where (try? APIDocument(parsing: body))?.isEmpty == true: self = .notJoined
    case 401: throw .unauthorized
    default: throw .unexpectedStatus(status)
    }
  }
}
