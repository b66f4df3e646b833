import JSON
import Model

// What `status --json` prints. The names are a contract with scripts; each part writes and reads its own.

extension AgentStatus: StatusPart {
  /// The document that the daemon answers with. Absent values are null; no member is ever left out.
  public func json() -> JSONValue {
    [
      "version": .string(version), "commit": .string(commit), "role": .string(role.rawValue),
      "phase": .string(phase.rawValue), "reasons": array(reasons),
      "startedAt": text(startedAt), "phaseSince": text(phaseSince), "tunnelUp": .bool(tunnelUp),
      "config": config.json(), "zerotier": zerotier.json(), "exits": array(exits),
      "wan": wan?.json() ?? .null, "gateways": array(gateways), "kernel": kernel.json(),
      "reconcile": reconcile.json(),
      "drift": drift.json(), "guardDrops": array(guardDrops), "traffic": traffic.json(),
      "warnings": array(warnings),
    ]
  }

  /// Reads what `json()` wrote, members of a newer version left aside.
  public init(json: JSONValue) throws(StatusFormatError) {
    try self.init(reading: StatusReader(json))
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    version = try reader.string("version")
    commit = try reader.string("commit")
    role = try reader.word("role")
    phase = try reader.word("phase")
    reasons = try reader.parts("reasons")
    startedAt = try reader.time("startedAt")
    phaseSince = try reader.time("phaseSince")
    tunnelUp = try reader.bool("tunnelUp")
    config = try reader.part("config")
    zerotier = try reader.part("zerotier")
    exits = try reader.parts("exits")
    wan = try reader.optionalPart("wan")
    gateways = try reader.parts("gateways")
    kernel = try reader.part("kernel")
    reconcile = try reader.part("reconcile")
    drift = try reader.part("drift")
    guardDrops = try reader.parts("guardDrops")
    traffic = try reader.optionalPart("traffic") ?? TrafficStatus()
    warnings = try reader.parts("warnings")
  }
}

extension Finding: StatusPart {
  func json() -> JSONValue {
    ["code": .string(code), "message": .string(message), "remedy": .string(remedy)]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    code = try reader.string("code")
    message = try reader.string("message")
    remedy = try reader.string("remedy")
  }
}

extension ConfigStatus: StatusPart {
  func json() -> JSONValue {
    ["path": .string(path), "sha256": text(sha256), "loadedAt": text(loadedAt), "error": text(error)]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    path = try reader.string("path")
    sha256 = try reader.optional("sha256", "a string", \.string)
    loadedAt = try reader.optionalTime("loadedAt")
    error = try reader.optional("error", "a string", \.string)
  }
}

extension ZeroTierStatus: StatusPart {
  func json() -> JSONValue {
    [
      "apiReachable": .bool(apiReachable), "networkStatus": text(networkStatus),
      "interface": text(interface),
      "interfaceIndex": interfaceIndex.map { .integer(Int64($0.rawValue)) } ?? .null,
      "addresses": .array(addresses.map(JSONValue.string)), "online": online.map(JSONValue.bool) ?? .null,
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    apiReachable = try reader.bool("apiReachable")
    networkStatus = try reader.optional("networkStatus", "a string", \.string)
    interface = try reader.optional("interface", "an interface name", \.interfaceName)
    interfaceIndex = try reader.optional("interfaceIndex", "an interface index") { value in
      value.integer.flatMap { UInt32(exactly: $0) }.map(InterfaceIndex.init(rawValue:))
    }
    addresses = try reader.strings("addresses")
    online = try reader.optional("online", "true or false", \.bool)
  }
}

extension KernelStatus: StatusPart {
  func json() -> JSONValue { ["inSync": .bool(inSync), "objects": array(objects)] }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    inSync = try reader.bool("inSync")
    objects = try reader.parts("objects")
  }
}

extension ObjectCount: StatusPart {
  func json() -> JSONValue {
    ["kind": .string(kind), "desired": count(desired), "observed": count(observed)]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    kind = try reader.string("kind")
    desired = try reader.count("desired")
    observed = try reader.count("observed")
  }
}

extension ReconcileStatus: StatusPart {
  func json() -> JSONValue {
    [
      "total": count(total), "failures": count(failures), "lastDurationSeconds": number(lastDurationSeconds),
      "lastAt": text(lastAt),
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    total = try reader.count("total")
    failures = try reader.count("failures")
    lastDurationSeconds = try reader.seconds("lastDurationSeconds")
    lastAt = try reader.optionalTime("lastAt")
  }
}

extension DriftStatus: StatusPart {
  func json() -> JSONValue {
    [
      "repairedTotal": count(repairedTotal), "repaired": array(repaired), "lastRepairAt": text(lastRepairAt),
      "lastRepairSeconds": number(lastRepairSeconds),
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    repairedTotal = try reader.count("repairedTotal")
    repaired = try reader.optionalParts("repaired")
    lastRepairAt = try reader.optionalTime("lastRepairAt")
    lastRepairSeconds = try reader.seconds("lastRepairSeconds")
  }
}

extension RepairedObjects: StatusPart {
  func json() -> JSONValue { ["kind": .string(kind), "count": JSONValue.integer(Int64(count))] }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    kind = try reader.string("kind")
    count = try reader.count("count")
  }
}

extension GuardDrop: StatusPart {
  func json() -> JSONValue { ["guard": .string(guardName), "packets": count(packets)] }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    guardName = try reader.string("guard")
    packets = try reader.count("packets")
  }
}

func array(_ parts: [some StatusPart]) -> JSONValue { .array(parts.map { $0.json() }) }
func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
func text(_ value: (some CustomStringConvertible)?) -> JSONValue {
  value.map { .string($0.description) } ?? .null
}

extension JSONValue {
  fileprivate var interfaceName: InterfaceName? { string.flatMap { InterfaceName($0) } }
}
