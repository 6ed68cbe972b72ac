// What the tests of io/channel share: a store in memory, a reader that serves it, an observer that remembers.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/merkle/layer_page.h"
#include "core/merkle/tree.h"
#include "io/channel/fetcher.h"
#include "io/channel/store_reader.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::io {

struct TestStore {
  explicit TestStore(std::uint64_t size, std::uint64_t seed = 1)
      : id(id_from_seed(seed)), bytes(bytes_from_seed(size, seed)), tree(tree_of(bytes)) {}

  [[nodiscard]] const store::Content& content() const { return tree.content; }
  [[nodiscard]] Bytes page(std::uint32_t first_piece) const {
    return merkle::encode_layer_page(merkle::make_layer_page(tree, first_piece));
  }
  [[nodiscard]] Bytes leaves(std::uint32_t piece) const {
    crypto::LeafHasher hasher;
    const std::size_t from = std::size_t{piece} * store::kPieceSize;
    return merkle::encode_leaves(
        merkle::hash_leaves(hasher, ByteView(bytes).subspan(from, tree.content.piece_length(piece))));
  }

  store::StoreId id;
  Bytes bytes;
  merkle::Tree tree;
};

/// Serves one TestStore; `serve` may be changed to bytes that are not the store's.
class MemoryReader final : public StoreReader {
 public:
  explicit MemoryReader(const TestStore& store) : store_(store), serve(store.bytes) {}

  asio::awaitable<Result<std::unique_ptr<ReadableStore>, Refusal>> open(store::StoreId id,
                                                                        store::Content content) override {
    const std::optional<Refusal> no = refusal(id, content);
    ++opened;
    if (no) co_return fail(*no);
    std::unique_ptr<ReadableStore> out = std::make_unique<Open>(*this);
    co_return out;
  }
  asio::awaitable<Result<Bytes, Refusal>> layer_page(store::StoreId id, store::Content content,
                                                     std::uint32_t first_piece) override {
    const std::optional<Refusal> no = refusal(id, content);
    if (no) co_return fail(*no);
    co_return store_.page(first_piece);
  }
  asio::awaitable<Result<Bytes, Refusal>> leaves(store::StoreId id, store::Content content,
                                                 std::uint32_t piece) override {
    const std::optional<Refusal> no = refusal(id, content);
    if (no) co_return fail(*no);
    co_return store_.leaves(piece);
  }
  asio::awaitable<Result<Manifest, Refusal>> manifest(store::StoreId id) override {
    const std::optional<Refusal> no = refusal(id, store_.content());
    if (no) co_return fail(*no);
    co_return Manifest{store_.content(), Bytes{1, 2, 3}};
  }

 private:
  class Open final : public ReadableStore {
   public:
    explicit Open(MemoryReader& reader) : reader_(reader) {}
    asio::awaitable<bool> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
      const bool in_order = offset + out.size() <= reader_.readable;
      if (in_order) std::copy_n(reader_.serve.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      ++reader_.reads;
      co_return in_order;
    }

   private:
    MemoryReader& reader_;
  };

  [[nodiscard]] std::optional<Refusal> refusal(const store::StoreId& id, const store::Content& content) const {
    if (refuse_with) return refuse_with;
    if (id != store_.id) return Refusal{};
    if (content == store_.content()) return std::nullopt;
    return Refusal{.status = exchange::StatusCode::kWrongRoot, .content = store_.content(), .retry_after_ms = 0};
  }

  const TestStore& store_;

 public:
  Bytes serve;
  std::uint64_t readable = ~std::uint64_t{0};  ///< Reads beyond it fail.
  std::optional<Refusal> refuse_with;
  int opened = 0;
  int reads = 0;
};

class Collected final : public RangeSink {
 public:
  explicit Collected(std::size_t step = 100'000) : space_(step) {}

  asio::awaitable<std::span<std::uint8_t>> space() override {
    const std::size_t size = stop_at && bytes.size() >= *stop_at ? 0 : space_.size();
    co_return std::span(space_).first(size);
  }
  void commit(std::size_t size) override {
    bytes.insert(bytes.end(), space_.begin(), space_.begin() + static_cast<std::ptrdiff_t>(size));
    if (on_commit) on_commit();
  }

  Bytes bytes;
  std::optional<std::size_t> stop_at;
  std::function<void()> on_commit;

 private:
  Bytes space_;
};

class Noted final : public FetchObserver {
 public:
  void piece_done(std::uint32_t piece, std::uint64_t wire_bytes) override { done[piece] = wire_bytes; }
  void piece_bad(std::uint32_t piece, std::span<const std::uint32_t> leaves) override {
    bad[piece].assign(leaves.begin(), leaves.end());
  }

  std::map<std::uint32_t, std::uint64_t> done;
  std::map<std::uint32_t, std::vector<std::uint32_t>> bad;
};

}  // namespace turnpike::io
