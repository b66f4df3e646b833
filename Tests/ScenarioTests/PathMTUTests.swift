import Lab
import Testing

/// Which way most of it goes.
enum Transfer: String, CaseIterable, Sendable {
  case upload, download

  func run(_ lab: Lab, octets: Int, within limit: Duration) -> Result<String, LabError> {
    switch self {
    case .upload: lab.fetch(from: .pod, upload: octets, within: limit)
    case .download: lab.fetch(from: .pod, path: "/bytes/\(octets)", within: limit)
    }
  }
}

@Suite("S41: the path takes smaller packets than the client's link, and nobody says so", .serialized)
struct PathMTUTests {
  /// What comes down the WAN is sent by the neighbour at its other end, who knows.
  static let cases: [(NarrowPlace, Transfer)] = [
    (.tunnel, .upload), (.tunnel, .download), (.wan, .upload),
  ]

  @Test("10 MB arrive, since segments are clamped", arguments: cases)
  func clamped(_ place: NarrowPlace, _ transfer: Transfer) throws {
    let stage = try Stage()
    try stage.lab.narrow(place)
    let octets = 10_000_000
    let answer = try transfer.run(stage.lab, octets: octets, within: .seconds(30)).get()
    switch transfer {
    case .upload: #expect(answer == Node.cloudA.publicAddress)
    case .download: #expect(answer.utf8.count == octets)
    }
    #expect(try stage.lab.silencedErrors() == 0)
    try stage.expectInSync(stage.cloud)
  }

  /// Little, so that it is not the time that keeps it from arriving.
  @Test("without clamping a hundredth of it hangs, though small answers arrive", arguments: cases)
  func unclamped(_ place: NarrowPlace, _ transfer: Transfer) throws {
    let stage = try Stage()
    try stage.lab.narrow(place)
    try stage.reconfigureCloud("wanInterface: auto\n  mss: off")
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    #expect(try stage.lab.silencedErrors() == 0)
    #expect(throws: LabError.self) {
      try transfer.run(stage.lab, octets: 100_000, within: .seconds(2)).get()
    }
    #expect(try stage.lab.silencedErrors() > 0)
  }
}
