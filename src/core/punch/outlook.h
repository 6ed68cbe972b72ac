// Which of two NATs' ports can be known, and so what there is to try between them.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/punch/nat_behaviour.h"

namespace turnpike::punch {

enum class Outlook : std::uint8_t {
  kPlain,     ///< Both ends' ports are known, or may be: checks alone.
  kPredict,   ///< Ours or theirs is the next along a stride.
  kWeOpen,    ///< Ours are random, theirs is known: we open many sockets towards it, they guess.
  kWeGuess,   ///< The other way round.
  kHopeless,  ///< Nobody's port can be known: only addresses without such a NAT remain (IPv6, a mapped port).
};

[[nodiscard]] std::string_view words_of(Outlook outlook);

/// All packets to one peer leave by one outside port that can be told in advance.
[[nodiscard]] bool is_steady(const Behaviour& behaviour);

[[nodiscard]] Outlook outlook_of(const Behaviour& ours, const Behaviour& theirs);

}  // namespace turnpike::punch
