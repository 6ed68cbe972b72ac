// What the tests of io/disk share: a folder of their own, a loop to run coroutines on, stores made from a seed.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/random.h"
#include "core/merkle/tree.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "turnpike-disk-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
asio::awaitable<void> keep_result(asio::awaitable<T> work, std::optional<T>& out) {
  T result = co_await std::move(work);
  out.emplace(std::move(result));
}

/// Runs the loop until `work` is done, and no further: timers stay unfired.
template <class T>
T wait_for(asio::io_context& loop, asio::awaitable<T> work) {
  std::optional<T> result;
  asio::co_spawn(loop, keep_result(std::move(work), result), asio::detached);
  loop.restart();
  while (!result && loop.run_one() > 0) {
  }
  return std::move(result.value());
}

inline Bytes bytes_from_seed(std::uint64_t size, std::uint64_t seed) {
  Bytes data(size);
  SeededRandom(seed).fill(data);
  return data;
}

inline merkle::Tree tree_of(ByteView data) {
  crypto::LeafHasher hasher;
  merkle::TreeBuilder builder(data.size());
  builder.add_leaves(merkle::hash_leaves(hasher, data));
  return builder.finish();
}

inline store::StoreId id_from_seed(std::uint64_t seed) { return {SeededRandom(seed).array<32>()}; }

inline void write_file(const std::filesystem::path& path, ByteView data) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
}

inline Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// Sets the time of the last write, to the nanosecond.
inline void set_mtime(const std::filesystem::path& path, std::chrono::nanoseconds since_epoch) {
  const timespec time{since_epoch.count() / 1'000'000'000, since_epoch.count() % 1'000'000'000};
  const timespec times[2] = {time, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

}  // namespace turnpike::io
