// Noise after the handshake: a stream of sealed messages, each behind its two-byte length.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "crypto/aead.h"

namespace turnpike::noise {

inline constexpr std::size_t kLengthSize = 2;
/// A noise message with its tag (Noise, section 3).
inline constexpr std::size_t kMaxMessage = 65535;
inline constexpr std::size_t kMaxPlain = kMaxMessage - crypto::kTagSize;
/// Messages one way before the keys are spent. Noise allows 2^64 - 1; js-libp2p ends at this, so nobody gets further.
inline constexpr std::uint64_t kMaxMessages = 0xffffffff;

/// Puts the length before a whole noise message.
[[nodiscard]] Bytes framed(ByteView message);

/// One direction's sending half.
class Sealer {
 public:
  /// `counter` messages were sealed before.
  explicit Sealer(const Digest& key, std::uint64_t counter = 0) : cipher_(key), counter_(counter) {}

  /// In place. `frame` is room for the length, at most kMaxPlain bytes of plaintext, and room for the tag.
  /// False, and `frame` as it was, when the keys are spent.
  [[nodiscard]] bool seal(std::span<std::uint8_t> frame);

 private:
  crypto::ChaCha20Poly1305 cipher_;
  std::uint64_t counter_;
};

/// One direction's receiving half.
class Opener {
 public:
  explicit Opener(const Digest& key, std::uint64_t counter = 0) : cipher_(key), counter_(counter) {}

  /// `message` is without its length; `out` holds at least message.size() - crypto::kTagSize bytes.
  /// The size of the plaintext, or nothing: then the bytes were changed on the way, and nothing after them can be read.
  [[nodiscard]] std::optional<std::size_t> open(ByteView message, std::span<std::uint8_t> out);

 private:
  crypto::ChaCha20Poly1305 cipher_;
  std::uint64_t counter_;
};

/// Cuts a byte stream into messages. A message that comes whole is not copied.
class FrameReader {
 public:
  /// Takes bytes off the front of `in`, to the end of one message and never beyond. Nothing when it is not whole yet;
  /// `in` is empty then. The view stays valid until the next call, and as long as the bytes behind `in`.
  [[nodiscard]] std::optional<ByteView> read(ByteView& in);

 private:
  Bytes partial_;  ///< The length and what there is of the message; never more than one.
  bool done_ = false;
};

}  // namespace turnpike::noise
