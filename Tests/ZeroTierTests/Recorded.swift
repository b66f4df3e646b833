import Glibc

/// A recorded answer of zerotier-one 1.14.1, as it came over the wire.
func recorded(_ name: String, file: String = #filePath) throws -> [UInt8] {
  let path = file.prefix(upTo: file.lastIndex(of: "/")!) + "/Recorded/\(name).json"
  guard let stream = fopen(String(path), "r") else { throw RecordingMissing(path: String(path)) }
  defer { fclose(stream) }
  var bytes = [UInt8](repeating: 0, count: 65536)
  let count = fread(&bytes, 1, bytes.count, stream)
  return Array(bytes[..<count])
}

struct RecordingMissing: Error { let path: String }
