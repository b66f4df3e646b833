// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: language mode 6 (strict concurrency) and no warning let through.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .swiftLanguageMode(.v6)]

/// What `liteboxd-agent version` names as its source; the Makefile knows it.
let commit = Context.environment["LITEBOXD_COMMIT"] ?? "unknown"

func systemLibrary(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

func room(_ name: String, _ doors: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: doors, swiftSettings: strict)
}

/// `golden` is a folder of expected texts, which the tests read where they lie.
func tests(_ room: String, _ doors: [Target.Dependency] = [], golden: [String] = []) -> Target {
  .testTarget(
    name: room + "Tests", dependencies: [.target(name: room)] + doors, exclude: golden,
    swiftSettings: strict)
}

let package = Package(
  name: "liteboxd-agent",
  products: [
    .executable(name: "liteboxd-agent", targets: ["liteboxd-agent"]),
    .executable(name: "liteboxd-lab", targets: ["liteboxd-lab"]),
  ],
  targets: [
    // Debian's libraries, as they are.
    systemLibrary("CMnl", pkgConfig: "libmnl", package: "libmnl-dev"),
    systemLibrary("CNftnl", pkgConfig: "libnftnl", package: "libnftnl-dev"),
    systemLibrary("CYaml", pkgConfig: "yaml-0.1", package: "libyaml-dev"),
    systemLibrary("CEvent", pkgConfig: "libevent_core", package: "libevent-dev"),
    systemLibrary("CJansson", pkgConfig: "jansson", package: "libjansson-dev"),
    .systemLibrary(name: "CMd", providers: [.apt(["libmd-dev"])]),
    // What Swift cannot import from the C library and the kernel's headers.
    .target(name: "CLinux", cSettings: [.define("LITEBOXD_COMMIT", to: "\"\(commit)\"")]),

    // The pure core: values, desired state, diff, plan, health. No I/O, no clock.
    room("Model"),
    room("Reconciliation", ["Model", "Configuration"]),
    room("Report", ["Model", "JSON"]),
    // What was seen of a host, turned into checks with their remedies.
    room("Doctor", ["Model", "Configuration", "Reconciliation", "Report", "JSON"]),
    // What hosts have that were set up by hand, turned into a configuration.
    room("Adoption", ["Model", "Configuration"]),
    // Files that are generated: for Kubernetes, Prometheus and Grafana.
    room("Rendering", ["Model", "JSON"]),
    // The edges.
    room("Configuration", ["Model", "CYaml", "CMd", "CLinux"]),
    room("Kernel", ["Model", "CMnl", "CNftnl", "CLinux"]),
    room("JSON", ["CJansson"]),
    room("EventLoop", ["CEvent", "CLinux"]),
    room("ZeroTier", ["Model", "JSON", "EventLoop"]),
    // The daemon, its commands, and the network it is shown in.
    room(
      "Agent",
      [
        "Model", "Configuration", "Reconciliation", "Kernel", "JSON", "EventLoop", "ZeroTier",
        "Report", "Adoption", "Doctor", "Rendering", "CLinux",
      ]),
    .executableTarget(
      name: "liteboxd-agent", dependencies: ["Agent"], exclude: ["functions.order"], swiftSettings: strict),
    // ptrace(2), for the lab alone: nothing of it belongs into the daemon.
    .target(name: "CTrace"),
    // sendmmsg(2), likewise.
    .target(name: "CPackets"),
    // What a repair is measured beside, for the lab alone as well.
    .target(name: "CFloor", dependencies: ["CMnl"], cSettings: [.define("_GNU_SOURCE")]),
    room("Lab", ["CFloor", "CLinux", "CTrace", "CPackets", "JSON"]),
    .executableTarget(name: "liteboxd-lab", dependencies: ["Lab"], swiftSettings: strict),

    .testTarget(
      name: "ScenarioTests", dependencies: ["Lab", "JSON", "TestPeers"], exclude: ["Golden"],
      swiftSettings: strict),
    tests("Configuration", ["Model"]),
    tests("Model"),
    tests("JSON"),
    tests("Lab", ["JSON", "liteboxd-lab"]),
    tests("Adoption", ["Model", "Configuration"]),
    tests("Rendering", ["Model", "JSON", "Configuration", "Reconciliation", "Report"], golden: ["Fixtures"]),
    tests("Reconciliation", ["Model", "Configuration", "TestPeers"]),
    tests(
      "Agent",
      [
        "Adoption", "Model", "Configuration", "Reconciliation", "Kernel", "EventLoop", "ZeroTier", "Report",
        "JSON", "TestPeers",
      ]),
    tests("Kernel", ["Model", "Configuration", "Reconciliation", "CLinux"]),
    .target(name: "TestPeers", path: "Tests/TestPeers", swiftSettings: strict),
    tests("EventLoop", ["TestPeers"]),
    tests("ZeroTier", ["EventLoop", "Model", "JSON", "TestPeers"], golden: ["Recorded"]),
    tests("Report", ["Model", "JSON"], golden: ["Golden"]),
    tests("Doctor", ["Model", "Configuration", "Reconciliation", "Report", "JSON"]),
    // All that reads what strangers write, given what is broken on purpose.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "Adoption", "Agent", "Configuration", "EventLoop", "JSON", "Kernel", "Model", "TestPeers", "ZeroTier",
      ], exclude: ["Corpus"], swiftSettings: strict),
    // Of the release binary, the units and the installation.
    .testTarget(
      name: "PackagingTests", dependencies: ["Model", "Lab", "JSON", "Rendering", "TestPeers", "ZeroTier"],
      swiftSettings: strict),
  ]
)
