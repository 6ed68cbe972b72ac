#include "core/merkle/layer_page.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "crypto/hash.h"

namespace turnpike::merkle {
namespace {

/// Hashes under one page, padding included: all pages of a store are equally wide.
std::size_t page_width(const Content& content) {
  return std::min<std::size_t>(std::bit_ceil(content.piece_count()), kMaxPageHashes);
}

/// What stands for a page beyond the last one. Needed by stores of several pages only, whose pages are full width.
const Digest& pad_page_root() {
  static const Digest root = subtree_root({&pad_piece_hash(), 1}, kMaxPageHashes, pad_piece_hash());
  return root;
}

Digest page_root(const Content& content, std::span<const Digest> hashes) {
  return subtree_root(hashes, page_width(content), pad_piece_hash());
}

void write_all(Bytes& out, std::span<const Digest> hashes) {
  for (const Digest& hash : hashes) out.insert(out.end(), hash.begin(), hash.end());
}

}  // namespace

std::uint32_t page_count(const Content& content) {
  return (content.piece_count() + kMaxPageHashes - 1) / kMaxPageHashes;
}

bool is_page_start(const Content& content, std::uint32_t first_piece) {
  return first_piece % kMaxPageHashes == 0 && first_piece < content.piece_count();
}

std::uint32_t page_hashes(const Content& content, std::uint32_t first_piece) {
  return std::min(kMaxPageHashes, content.piece_count() - first_piece);
}

std::size_t page_proof(const Content& content) {
  return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(page_count(content))));
}

std::size_t page_bytes(const Content& content, std::uint32_t first_piece) {
  return (page_hashes(content, first_piece) + page_proof(content)) * sizeof(Digest);
}

std::vector<Digest> page_roots(const Content& content, std::span<const Digest> layer) {
  assert(layer.size() == content.piece_count());
  std::vector<Digest> roots;
  roots.reserve(page_count(content));
  for (std::uint32_t first = 0; first < layer.size(); first += kMaxPageHashes) {
    roots.push_back(page_root(content, layer.subspan(first, page_hashes(content, first))));
  }
  return roots;
}

LayerPage make_layer_page(const Content& content, std::uint32_t first_piece, std::span<const Digest> hashes,
                          std::span<const Digest> roots) {
  assert(is_page_start(content, first_piece) && hashes.size() == page_hashes(content, first_piece));
  assert(roots.size() == page_count(content));
  LayerPage page{first_piece, {hashes.begin(), hashes.end()}, {}};
  std::vector<Digest> level(roots.begin(), roots.end());
  Digest filler = pad_page_root();
  std::size_t at = first_piece / kMaxPageHashes;
  for (std::size_t height = 0; height < page_proof(content); ++height) {
    if (level.size() % 2 == 1) level.push_back(filler);
    page.proof.push_back(level[at ^ 1U]);
    for (std::size_t i = 0; i < level.size() / 2; ++i) level[i] = crypto::sha256({level[2 * i], level[2 * i + 1]});
    level.resize(level.size() / 2);
    filler = crypto::sha256({filler, filler});
    at /= 2;
  }
  return page;
}

LayerPage make_layer_page(const Tree& tree, std::uint32_t first_piece) {
  const std::span<const Digest> layer = tree.layer;
  return make_layer_page(tree.content, first_piece, layer.subspan(first_piece, page_hashes(tree.content, first_piece)),
                         page_roots(tree.content, layer));
}

Status<LayerError> verify_layer_page(const Content& content, const LayerPage& page) {
  if (!content.is_valid() || !is_page_start(content, page.first_piece)) return fail(LayerError::kBadRange);
  if (page.hashes.size() != page_hashes(content, page.first_piece) || page.proof.size() != page_proof(content)) {
    return fail(LayerError::kWrongLength);
  }
  Digest node = page_root(content, page.hashes);
  std::size_t at = page.first_piece / kMaxPageHashes;
  for (const Digest& sibling : page.proof) {
    node = at % 2 == 0 ? crypto::sha256({node, sibling}) : crypto::sha256({sibling, node});
    at /= 2;
  }
  if (node != content.root) return fail(LayerError::kWrongRoot);
  return Ok{};
}

Bytes encode_layer_page(const LayerPage& page) {
  Bytes out;
  out.reserve((page.hashes.size() + page.proof.size()) * sizeof(Digest));
  write_all(out, page.hashes);
  write_all(out, page.proof);
  return out;
}

Result<LayerPage, LayerError> decode_layer_page(const Content& content, std::uint32_t first_piece, ByteView bytes) {
  if (!content.is_valid() || !is_page_start(content, first_piece)) return fail(LayerError::kBadRange);
  if (bytes.size() != page_bytes(content, first_piece)) return fail(LayerError::kWrongLength);
  ByteReader in(bytes);
  LayerPage page{first_piece, std::vector<Digest>(page_hashes(content, first_piece)),
                 std::vector<Digest>(page_proof(content))};
  for (Digest& hash : page.hashes) hash = in.array<sizeof(Digest)>();
  for (Digest& hash : page.proof) hash = in.array<sizeof(Digest)>();
  return page;
}

Result<LayerPage, LayerError> open_layer_page(const Content& content, std::uint32_t first_piece, ByteView bytes) {
  auto page = decode_layer_page(content, first_piece, bytes);
  if (!page) return page;
  if (const auto verdict = verify_layer_page(content, *page); !verdict) return fail(verdict.error());
  return page;
}

}  // namespace turnpike::merkle
