/// A YAML document as a tree whose every node knows where it stands. No anchors, aliases or tags: those were refused.
struct YAMLNode {
  let position: TextPosition
  let content: Content

  indirect enum Content {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    case mapping([YAMLEntry])
  }
}

struct YAMLScalar {
  let text: String
  let style: Style

  enum Style {
    /// Without quotes.
    case plain
    /// Quoted or a block: a text whatever it looks like.
    case quoted
  }

  /// What YAML 1.1 reads as nothing.
  var isNull: Bool { style == .plain && ["", "~", "null", "Null", "NULL"].contains(text) }
}

struct YAMLEntry {
  let key: String
  /// Of the key. The value has its own.
  let position: TextPosition
  let value: YAMLNode
}

extension YAMLNode {
  /// What stands here, as a message says it.
  var found: String {
    switch content {
    case .scalar(let scalar) where scalar.isNull: "nothing"
    case .scalar(let scalar): quoted(scalar.text)
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}
