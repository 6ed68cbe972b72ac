#include "io/channel/memory_pipe.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <tuple>

#include "io/loop/run.h"

namespace turnpike::io {
namespace {

asio::awaitable<void> write_then_note(BytePipe& pipe, Bytes bytes, bool& done) {
  std::ignore = co_await pipe.write(bytes);
  done = true;
}

asio::awaitable<Bytes> read_until_closed(BytePipe& pipe) {
  Bytes all;
  Bytes part(1000);
  while (true) {
    const Result<std::size_t, IoError> got = co_await pipe.read_some(part);
    if (!got) break;
    all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  co_return all;
}

asio::awaitable<void> write_and_close(BytePipe& pipe, Bytes bytes) {
  std::ignore = co_await pipe.write(bytes);
  pipe.close();
}

TEST(MemoryPipe, CarriesMoreThanItHoldsAndThenItsEnd) {
  asio::io_context loop;
  auto [left, right] = make_memory_pipes();
  Bytes sent(3 * kMemoryPipeCapacity);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 7);
  asio::co_spawn(loop, write_and_close(*left, sent), asio::detached);
  EXPECT_EQ(run(loop, read_until_closed(*right)), sent);
}

TEST(MemoryPipe, HoldsAWriterUpWhenNobodyReads) {
  asio::io_context loop;
  auto [left, right] = make_memory_pipes();
  bool done = false;
  asio::co_spawn(loop, write_then_note(*left, Bytes(kMemoryPipeCapacity + 1), done), asio::detached);
  loop.poll();
  EXPECT_FALSE(done);
  right->close();
  loop.restart();
  loop.poll();
  EXPECT_TRUE(done) << "the end frees it";
}

}  // namespace
}  // namespace turnpike::io
