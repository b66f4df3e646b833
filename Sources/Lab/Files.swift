import Glibc

enum FileCreation {
  case no
  case mode(mode_t)
}

/// Writes the whole file, replacing what was in it.
func writeFile(_ path: String, _ text: String, creating: FileCreation) throws(LabError) {
  let descriptor =
    switch creating {
    case .no: open(path, O_WRONLY | O_CLOEXEC)
    case .mode(let mode): open(path, O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC, mode)
    }
  guard descriptor >= 0 else { throw LabError("opening \(path)", errno: errno) }
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  guard write(descriptor, bytes, bytes.count) == bytes.count else {
    throw LabError("writing \(path)", errno: errno)
  }
}

func readFile(_ path: String) throws(LabError) -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw LabError("opening \(path)", errno: errno) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let got = read(descriptor, &buffer, buffer.count)
    guard got >= 0 else { throw LabError("reading \(path)", errno: errno) }
    if got == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<got]
  }
}

func makeDirectory(_ path: String) throws(LabError) {
  guard mkdir(path, 0o700) == 0 else { throw LabError("making directory \(path)", errno: errno) }
}

/// Makes what is missing of the directories that a path leads through, for everybody to read.
func makeDirectories(above path: String) throws(LabError) {
  guard let end = path.lastIndex(of: "/"), end > path.startIndex else { return }
  let directory = String(path[..<end])
  guard access(directory, F_OK) != 0 else { return }
  try makeDirectories(above: directory)
  guard mkdir(directory, 0o755) == 0 else { throw LabError("making directory \(directory)", errno: errno) }
}

/// The names in a directory; none if it is not there.
func names(in path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Removes a directory with all in it, following no link.
func removeTree(_ path: String) {
  var status = stat()
  guard lstat(path, &status) == 0 else { return }
  if status.st_mode & S_IFMT == S_IFDIR {
    for name in names(in: path) { removeTree("\(path)/\(name)") }
    rmdir(path)
  } else {
    unlink(path)
  }
}

/// The running program's directory, where its sister programs lie.
func programDirectory() -> String {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let length = readlink("/proc/self/exe", &buffer, buffer.count)
  let path = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
}
