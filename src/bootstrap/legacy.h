// What the bootstrap keeps for old nodes, which speak unsigned JSON: shared by the parts that answer them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/budget/budget.h"
#include "core/dig/registry.h"
#include "core/dig/slots.h"
#include "io/http/message.h"
#include "io/tcp/url.h"

namespace turnpike::bootstrap {

/// What is told of the process beside what its brain knows.
struct Facts {
  Instant started;
  std::string version;
};

struct Legacy {
  budget::Budget* budget = nullptr;     ///< Who pays for what is relayed. Null: nobody.
  std::optional<io::Url> public_url{};  ///< As the operator named it.
  /// False where everybody may seem to come from a proxy's address: nothing is looked for there.
  bool sees_clients = true;
  dig::Registry registry{};
  /// Of stores that are relayed to old nodes now. Shared with the transfers, which may end after all else.
  std::shared_ptr<dig::Slots> slots = std::make_shared<dig::Slots>();
};

/// A JSON answer that no cache may keep: it says what is so now, and some of it depends on the Host that was asked.
[[nodiscard]] io::http::Response legacy_answer(unsigned status, std::string json);
/// The same for a refusal, with Retry-After where it says when.
[[nodiscard]] io::http::Response legacy_refusal(unsigned status, const dig::ErrorAnswer& why);
[[nodiscard]] io::http::Response legacy_refusal(const dig::BadMessage& bad);

/// How the money stands, in the words and units of old nodes. `sessions` where there is no budget.
[[nodiscard]] dig::CostInfo cost_info(const Legacy& legacy, Now now, std::size_t sessions);
/// A refusal of the budget, as old nodes read it: 429, or 503 with `shutdown` where `allocating` and nothing is left.
[[nodiscard]] io::http::Response legacy_refusal(const Legacy& legacy, Now now, const budget::Refusal& why,
                                                bool allocating);

}  // namespace turnpike::bootstrap
