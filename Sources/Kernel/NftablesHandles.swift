import CNftnl

// Owners of libnftnl's objects. Each frees what it holds; an expression or element that was added to a rule or
// set belongs to that.

struct NftnlTable: ~Copyable {
  let pointer: OpaquePointer
  init?() {
    guard let made = nftnl_table_alloc() else { return nil }
    pointer = made
  }
  deinit { nftnl_table_free(pointer) }
}

struct NftnlChain: ~Copyable {
  let pointer: OpaquePointer
  init?() {
    guard let made = nftnl_chain_alloc() else { return nil }
    pointer = made
  }
  deinit { nftnl_chain_free(pointer) }
}

struct NftnlRule: ~Copyable {
  let pointer: OpaquePointer
  init?() {
    guard let made = nftnl_rule_alloc() else { return nil }
    pointer = made
  }
  deinit { nftnl_rule_free(pointer) }
}

struct NftnlSet: ~Copyable {
  let pointer: OpaquePointer
  init?() {
    guard let made = nftnl_set_alloc() else { return nil }
    pointer = made
  }
  deinit { nftnl_set_free(pointer) }
}

struct NftnlObject: ~Copyable {
  let pointer: OpaquePointer
  init?() {
    guard let made = nftnl_obj_alloc() else { return nil }
    pointer = made
  }
  deinit { nftnl_obj_free(pointer) }
}

/// User data: what nft(8) keeps beside an object for itself, comments among it.
struct NftnlUserData: ~Copyable {
  private let pointer: OpaquePointer
  init?(capacity: UInt32 = 256) {
    guard let made = nftnl_udata_buf_alloc(capacity) else { return nil }
    pointer = made
  }
  deinit { nftnl_udata_buf_free(pointer) }

  func put(_ type: Int, text: String) { nftnl_udata_put_strz(pointer, UInt8(type), text) }
  func put(_ type: Int, number: UInt32) { nftnl_udata_put_u32(pointer, UInt8(type), number) }
  var bytes: [UInt8] {
    let count = Int(nftnl_udata_buf_len(pointer))
    return Array(UnsafeRawBufferPointer(start: nftnl_udata_buf_data(pointer), count: count))
  }

  /// The text under `type` in user data that a dump gave: type, length, octets, without alignment.
  static func text(_ type: Int, in bytes: UnsafeRawBufferPointer) -> String? {
    var rest = bytes[...]
    while rest.count >= 2 {
      let here = UnsafeRawBufferPointer(rebasing: rest)
      let length = Int(here[1])
      guard here.count >= 2 + length else { return nil }
      if here[0] == UInt8(type) {
        return String(decoding: here[2..<2 + length].prefix { $0 != 0 }, as: UTF8.self)
      }
      rest = rest.dropFirst(2 + length)
    }
    return nil
  }
}
