// What a Kademlia server answers: whom it knows that is closer, and who has told it that it has a store. Values are not
// kept here.
#pragma once

#include <optional>

#include "base/result.h"
#include "core/kad/providers.h"
#include "core/kad/table.h"

namespace turnpike::kad {

/// Who asks, as the connection has proved, and where it comes from.
struct Asker {
  identity::AnyPeerId id;
  IpAddress seen;
};

/// The asker is to blame. Each ends the stream: reset it.
enum class Refused : std::uint8_t {
  kValue,  ///< PUT_VALUE: nobody is told that a value is kept which is not.
  kKey,    ///< An empty key, or one of no store to announce.
};

/// Answers out of what it borrows. A store in `offers` is its own: it names `self` for it.
struct Server {
  const Peer& self;
  const Table& table;
  Providers& providers;
  const Offers& offers;

  /// Nothing for ADD_PROVIDER, which has no answer. Of its providers only the asker itself is recorded: nobody speaks
  /// for another. Addresses pass as realm.h says, both ways.
  [[nodiscard]] Result<std::optional<Message>, Refused> answer(Instant now, const Asker& asker,
                                                               const Message& request) const;
};

}  // namespace turnpike::kad
