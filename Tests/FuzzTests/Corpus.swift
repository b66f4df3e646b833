import Glibc

/// A file of this repository, by its path from the top.
func repositoryBytes(_ path: String, from here: String = #filePath) throws -> [UInt8] {
  let top = here.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
  guard let file = fopen("\(top)/\(path)", "r") else { throw Finding("no file \(path)") }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 18)
  let count = fread(&bytes, 1, bytes.count, file)
  return Array(bytes[..<count])
}

/// Netlink messages as the kernel dumped them in a network namespace made for that, one behind the other.
func dumpedMessages(_ name: String) throws -> [[UInt8]] {
  var rest = try repositoryBytes("Tests/FuzzTests/Corpus/\(name).netlink")[...]
  var messages: [[UInt8]] = []
  while rest.count >= 16 {
    let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    try promise(length >= 16 && length <= rest.count, "\(name): a message of \(length) octets")
    messages.append(Array(rest.prefix(length)))
    rest = rest.dropFirst((length + 3) & ~3)
  }
  try promise(!messages.isEmpty, "\(name): no messages")
  return messages
}
