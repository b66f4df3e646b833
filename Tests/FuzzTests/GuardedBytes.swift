import Glibc

/// Memory in front of a page that may not be touched: reading one octet too far ends the process, in libraries too
/// that the address sanitizer does not know.
final class GuardedBytes {
  private let start: UnsafeMutableRawPointer
  private let size: Int
  private static let page = 4096

  init(capacity: Int = 1 << 20) throws {
    size = capacity
    let made = mmap(
      nil, capacity + Self.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let made, made != MAP_FAILED, mprotect(made + capacity, Self.page, PROT_NONE) == 0 else {
      throw Finding("no memory: errno \(errno)")
    }
    start = made
  }

  deinit { munmap(start, size + Self.page) }

  /// Shows the bytes where they end with the memory.
  func show<T>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    let count = min(bytes.count, size)
    let place = UnsafeMutableRawBufferPointer(start: start + (size - count), count: count)
    place.copyBytes(from: bytes.prefix(count))
    return try body(UnsafeRawBufferPointer(place))
  }
}
