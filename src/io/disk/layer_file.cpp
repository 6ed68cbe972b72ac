#include "io/disk/layer_file.h"

#include <fcntl.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "base/hex.h"

namespace turnpike::io {
namespace {

static_assert(sizeof(Digest) == 32, "digests are written and read as they stand in memory");

ByteView as_bytes(std::span<const Digest> hashes) {
  return {reinterpret_cast<const std::uint8_t*>(hashes.data()), hashes.size_bytes()};
}

Result<std::vector<Digest>, DiskError> read_hashes(int fd, std::size_t first, std::size_t count) {
  std::vector<Digest> hashes(count);
  const std::span<std::uint8_t> out(reinterpret_cast<std::uint8_t*>(hashes.data()), count * sizeof(Digest));
  if (const auto status = read_exactly(fd, out, first * sizeof(Digest)); !status) return fail(status.error());
  return hashes;
}

std::uint64_t file_size(const store::Content& content) {
  return (std::uint64_t{content.piece_count()} + merkle::page_count(content)) * sizeof(Digest);
}

}  // namespace

std::filesystem::path LayerFiles::path_of(const store::Content& content) const {
  return folder_ / (to_hex(content.root) + "-" + std::to_string(content.size));
}

bool LayerFiles::has(const store::Content& content) const {
  if (content.piece_count() == 1) return true;
  std::error_code failed;
  const auto size = std::filesystem::file_size(path_of(content), failed);
  return !failed && size == file_size(content);
}

Status<DiskError> LayerFiles::write(FileOps& ops, const merkle::Tree& tree) const {
  if (tree.content.piece_count() == 1) return Ok{};
  std::vector<Digest> hashes = tree.layer;
  const std::vector<Digest> roots = merkle::page_roots(tree.content, tree.layer);
  hashes.insert(hashes.end(), roots.begin(), roots.end());
  const std::scoped_lock lock(writing_);
  return replace_file(ops, path_of(tree.content), as_bytes(hashes), Durability::kCache);
}

void LayerFiles::remove(const store::Content& content) const {
  std::error_code ignored;
  if (content.piece_count() > 1) std::filesystem::remove(path_of(content), ignored);
}

Result<merkle::LayerPage, DiskError> LayerFiles::page(const store::Content& content, std::uint32_t first_piece) const {
  if (!merkle::is_page_start(content, first_piece)) return fail(DiskError::kBadRequest);
  if (content.piece_count() == 1) return merkle::make_layer_page({content, {content.root}}, 0);
  const FileHandle file(::open(path_of(content).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(disk_error(errno));
  const auto hashes = read_hashes(file.get(), first_piece, merkle::page_hashes(content, first_piece));
  if (!hashes) return fail(hashes.error());
  const auto roots = read_hashes(file.get(), content.piece_count(), merkle::page_count(content));
  if (!roots) return fail(roots.error());
  merkle::LayerPage page = merkle::make_layer_page(content, first_piece, *hashes, *roots);
  if (!merkle::verify_layer_page(content, page)) return fail(DiskError::kChanged);
  return page;
}

}  // namespace turnpike::io
