// Why the local API, or the folder it belongs to, cannot be had.
#pragma once

#include <cstdint>
#include <string>

namespace turnpike::io {

enum class ControlFault : std::uint8_t {
  kNotRunning,  ///< Nobody listens there.
  kInUse,       ///< Another node has this data folder.
  kPermission,  ///< Not ours to use.
  kTimeout,
  kClosed,     ///< The other end went away in the middle.
  kMalformed,  ///< A line that is no JSON object, or longer than its limit: the other end's fault.
  kSystem,     ///< Anything else the operating system said.
};

struct ControlError {
  ControlFault fault = ControlFault::kSystem;
  std::string text;  ///< One line for people, saying what to do where that is known.
};

}  // namespace turnpike::io
