// Two ends of a byte pipe within one process and one loop, with bounded memory.
#pragma once

#include <memory>
#include <utility>

#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

constexpr std::size_t kMemoryPipeCapacity = 256U << 10U;  ///< Each way; a writer waits beyond it.

/// What one end writes the other reads. close() at either end ends both: the other end may still read what was written.
[[nodiscard]] std::pair<std::unique_ptr<BytePipe>, std::unique_ptr<BytePipe>> make_memory_pipes();

}  // namespace turnpike::io
