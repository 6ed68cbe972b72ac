// The first ten bytes choose a content and a page, the rest is the page. What opens must be written as it was read, and
// must not open against another root.
#include <cstdlib>

#include "core/merkle/layer_page.h"

using namespace turnpike;          // NOLINT(google-build-using-namespace)
using namespace turnpike::merkle;  // NOLINT(google-build-using-namespace)

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({data, size});
  store::Content content{in.u64(), {}};
  const std::uint32_t first = in.u16() * std::uint32_t{1024};
  const ByteView wire = in.take(in.remaining());

  const auto decoded = decode_layer_page(content, first, wire);
  // Nobody finds what hashes to a root of zeroes; where there is one piece, its hash is the root and is not hashed.
  if (content.size > store::kPieceSize) require(!open_layer_page(content, first, wire));
  if (!decoded) return 0;
  require(is_page_start(content, first) && wire.size() <= kMaxPageBytes);
  const Bytes again = encode_layer_page(*decoded);
  require(std::equal(again.begin(), again.end(), wire.begin(), wire.end()));

  // Where the whole layer is one page, its own root is known: it opens against that and against no other.
  if (page_count(content) > 1) return 0;
  content.root = root_of_layer(decoded->hashes);
  require(static_cast<bool>(open_layer_page(content, first, wire)));
  content.root[31] ^= 1U;
  require(!open_layer_page(content, first, wire));
  return 0;
}
