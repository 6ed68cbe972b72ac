#include "node/store_access.h"

namespace turnpike::node {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kRetryAfterMs = 2000;  // a changed file is in the catalogue again after the next scan

io::Refusal refusal_of(io::DiskError error) {
  switch (error) {
    case io::DiskError::kBadRequest:
      return {.status = exchange::StatusCode::kBadRequest, .content = {}, .retry_after_ms = 0};
    case io::DiskError::kIo:
    case io::DiskError::kBusy:
      return {.status = exchange::StatusCode::kBusy, .content = {}, .retry_after_ms = kRetryAfterMs};
    default:
      return {.status = exchange::StatusCode::kNotFound, .content = {}, .retry_after_ms = 0};
  }
}

class CatalogueStore final : public io::ReadableStore {
 public:
  CatalogueStore(io::Catalogue& catalogue, io::OpenStore store) : catalogue_(catalogue), store_(std::move(store)) {}

  asio::awaitable<bool> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    const auto got = co_await catalogue_.read(store_, offset, out);
    co_return static_cast<bool>(got);
  }

 private:
  io::Catalogue& catalogue_;
  io::OpenStore store_;
};

}  // namespace

StoreAccess::StoreAccess(io::Catalogue& catalogue, Shared shared, SignManifest sign_manifest)
    : catalogue_(catalogue), shared_(std::move(shared)), sign_manifest_(std::move(sign_manifest)) {}

std::optional<io::Refusal> StoreAccess::refusal(const store::StoreId& store, const store::Content& content) const {
  const auto held = catalogue_.find(store);
  if (!held || !shared_(store)) {
    return io::Refusal{.status = exchange::StatusCode::kNotFound, .content = {}, .retry_after_ms = 0};
  }
  if (*held == content) return std::nullopt;
  return io::Refusal{.status = exchange::StatusCode::kWrongRoot, .content = held, .retry_after_ms = 0};
}

asio::awaitable<Result<std::unique_ptr<io::ReadableStore>, io::Refusal>> StoreAccess::open(store::StoreId store,
                                                                                           store::Content content) {
  const auto no = refusal(store, content);
  if (no) co_return fail(*no);
  auto opened = co_await catalogue_.open(store);
  if (!opened) co_return fail(refusal_of(opened.error()));
  if (opened->content != content) {
    co_return fail(
        io::Refusal{.status = exchange::StatusCode::kWrongRoot, .content = opened->content, .retry_after_ms = 0});
  }
  std::unique_ptr<io::ReadableStore> out = std::make_unique<CatalogueStore>(catalogue_, *std::move(opened));
  co_return out;
}

asio::awaitable<Result<Bytes, io::Refusal>> StoreAccess::layer_page(store::StoreId store, store::Content content,
                                                                    std::uint32_t first_piece) {
  const auto no = refusal(store, content);
  if (no) co_return fail(*no);
  auto page = co_await catalogue_.layer_page(store, content, first_piece);
  if (!page) co_return fail(refusal_of(page.error()));
  co_return *std::move(page);
}

asio::awaitable<Result<Bytes, io::Refusal>> StoreAccess::leaves(store::StoreId store, store::Content content,
                                                                std::uint32_t piece) {
  const auto no = refusal(store, content);
  if (no) co_return fail(*no);
  auto leaves = co_await catalogue_.leaves(store, content, piece);
  if (!leaves) co_return fail(refusal_of(leaves.error()));
  co_return *std::move(leaves);
}

asio::awaitable<Result<io::StoreReader::Manifest, io::Refusal>> StoreAccess::manifest(store::StoreId store) {
  const auto held = catalogue_.find(store);
  if (!held || !shared_(store)) {
    co_return fail(io::Refusal{.status = exchange::StatusCode::kNotFound, .content = {}, .retry_after_ms = 0});
  }
  Manifest out{.content = *held, .signed_statement = sign_manifest_(store, *held)};
  co_return out;
}

}  // namespace turnpike::node
