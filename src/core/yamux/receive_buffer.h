// What has come on one stream and was not read: large pieces stay where they were decrypted, small ones are gathered.
#pragma once

#include <deque>

#include "base/bytes.h"
#include "core/yamux/buffer_pool.h"

namespace turnpike::yamux {

/// Holds at most twice its size(), and a little per piece.
class ReceiveBuffer {
 public:
  static constexpr std::size_t kMinKept = 4U << 10U;
  /// A large piece that fills at least half of its storage is kept in place.
  [[nodiscard]] static bool worth_keeping(std::size_t piece, std::size_t storage) {
    return piece >= kMinKept && piece >= storage - piece;
  }

  void append(ByteView bytes);
  /// Takes `storage`, of which [begin, begin + size) is the stream's.
  void adopt(Bytes storage, std::size_t begin, std::size_t size);
  /// At most size() bytes of the front.
  void consume(std::size_t size, BufferPool& pool);
  void clear(BufferPool& pool);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Contiguous: all of the first piece. Empty only when size() is zero.
  [[nodiscard]] ByteView front() const;

 private:
  struct Piece {
    Bytes storage;
    std::size_t begin;
    std::size_t end;
    bool gathered;  ///< Ours to append to.
  };

  std::deque<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace turnpike::yamux
