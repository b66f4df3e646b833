/// Answers of zerotier-one 1.14.1 as they were recorded, to the byte but for what is between at signs: the
/// node's and the network's own values, and times.
enum Recorded {
  static let health =
    #"{"clock":@clock@,"online":@online@,"version":"1.14.1","versionBuild":0,"versionMajor":1,"versionMinor":14,"versionRev":1}"#

  static let status =
    #"{"address":"@node@","clock":@clock@,"config":{"settings":{"allowTcpFallbackRelay":false,"forceTcpRelay":false,"#
    + #""homeDir":"/var/lib/zerotier-one","interfacePrefixBlacklist":["wan","pod"],"listeningOn":["192.0.2.10/9993","#
    + #""192.0.2.10/29338"],"portMappingEnabled":false,"primaryPort":9993,"secondaryPort":29338,"#
    + #""softwareUpdate":"disable","softwareUpdateChannel":"release","surfaceAddresses":["192.0.2.10/29338","#
    + #""192.0.2.10/9993"],"tertiaryPort":0}},"online":@online@,"planetWorldId":465625703778,"#
    + #""planetWorldTimestamp":1700000000000,"publicIdentity":"@node@:0:c523922608f1a0b784779da93278516acb7dc6bc6718844"#
    + #"68e1e8b002a42d54be77d8786c3798b2ed5ddb19ebc5d0a48b9af8fa66d12dca3f426d5b52199069a","#
    + #""tcpFallbackActive":false,"version":"1.14.1","versionBuild":0,"versionMajor":1,"versionMinor":14,"versionRev":1}"#

  /// Configured by its controller, now or once.
  static let network =
    #"{"allowDNS":false,"allowDefault":@allowDefault@,"allowGlobal":false,"allowManaged":true,"#
    + #""assignedAddresses":[@addresses@],"bridge":false,"broadcastEnabled":true,"dhcp":false,"#
    + #""dns":{"domain":"","servers":[]},"id":"@network@","mac":"@mac@","mtu":2800,"#
    + #""multicastSubscriptions":[{"adi":0,"mac":"01:00:5e:00:00:01"},{"adi":0,"mac":"33:33:00:00:00:01"},"#
    + #"{"adi":177410305,"mac":"ff:ff:ff:ff:ff:ff"}],"name":"liteboxd-lab","netconfRevision":1,"nwid":"@network@","#
    + #""portDeviceName":"@device@","portError":0,"routes":[@routes@],"status":"@status@","type":"PRIVATE"}"#

  /// Never configured.
  static let bareNetwork =
    #"{"allowDNS":false,"allowDefault":false,"allowGlobal":false,"allowManaged":true,"assignedAddresses":[],"#
    + #""bridge":false,"broadcastEnabled":false,"dhcp":false,"dns":{"domain":"","servers":[]},"id":"@network@","#
    + #""mac":"@mac@","mtu":2800,"multicastSubscriptions":[],"name":"","netconfRevision":0,"nwid":"@network@","#
    + #""portDeviceName":"@device@","portError":0,"routes":[],"status":"@status@","type":"PRIVATE"}"#

  static let localRoute = #"{"flags":0,"metric":0,"target":"10.147.17.0/24","via":null}"#
  static let defaultRoute = #"{"flags":0,"metric":0,"target":"0.0.0.0/0","via":"10.147.17.2"}"#

  /// A peer with paths of its own. Both are received on and one is sent on.
  static let peer =
    #"{"address":"@peer@","isBonded":false,"latency":@latency@,"paths":[{"active":true,"address":"@underlay@","#
    + #""expired":false,"lastReceive":@receive@,"lastSend":@receive@,"localPort":0,"localSocket":94088001125280,"#
    + #""preferred":false,"trustedPathId":0},{"active":true,"address":"@underlay@","expired":false,"#
    + #""lastReceive":@receive@,"lastSend":@clock@,"localPort":0,"localSocket":94088001123440,"preferred":true,"#
    + #""trustedPathId":0}],"# + peerEnd

  /// A peer without a path of its own: relayed, or gone.
  static let pathlessPeer =
    #"{"address":"@peer@","isBonded":false,"latency":@latency@,"paths":[],"# + peerEnd

  private static let peerEnd =
    #""role":"@role@","tunneled":false,"version":"@version@","versionMajor":@major@,"versionMinor":@minor@,"#
    + #""versionRev":@revision@}"#

  /// The root that the recorded nodes knew, and the network's controller.
  static let root = (id: "33ffeb838b", underlay: "192.0.2.30/9993")
}

extension String {
  /// The recording with its values in place.
  func filled(_ values: [String: String]) -> String {
    values.reduce(self) { $0.replacing("@\($1.key)@", with: $1.value) }
  }
}
