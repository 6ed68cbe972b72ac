// A pipe some of whose bytes were already read: they are read again first.
#pragma once

#include <memory>

#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// `lower` itself when there is nothing to put before it.
[[nodiscard]] std::unique_ptr<BytePipe> with_prefix(std::unique_ptr<BytePipe> lower, Bytes prefix);

}  // namespace turnpike::io
