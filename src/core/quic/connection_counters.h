// What a QUIC connection has done so far.
#pragma once

#include <cstdint>

namespace turnpike::quic {

struct ConnectionCounters {
  std::uint64_t received = 0;  ///< Bytes of datagrams.
  std::uint64_t sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t key_updates = 0;  ///< By either side; the next one may be made ready and counted before it is used.
  std::uint64_t black_holes = 0;  ///< Times the path began to swallow what it took before.
  std::uint64_t marked_sent = 0;  ///< Datagrams with ECT(0): ECN is in use on the path, or being tried.
};

}  // namespace turnpike::quic
