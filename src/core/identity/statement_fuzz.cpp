// Bytes under a good signature are read or refused; what is read survives being signed and read again.
#include <cstdlib>

#include "core/identity/envelope.h"
#include "core/identity/statement.h"

namespace {

using namespace turnpike;

constexpr WallTime kNow{1'700'000'000'000};
const crypto::SigningKey kKey{Digest{1}};

void check_round_trip(const identity::Statement& in) {
  const auto again = identity::verify_statement(identity::sign_statement(kKey, in), in.type, in.audience, kNow);
  if (!again || again->statement.seq != in.seq || again->statement.body != in.body) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  (void)identity::verify_statement(input, "signal", std::nullopt, kNow);
  const Bytes envelope =
      identity::sign_envelope(kKey, identity::kStatementDomain, bytes_of(identity::kStatementPayloadType), input);
  const auto verified = identity::verify_statement(envelope, "signal", std::nullopt, kNow);
  if (verified) check_round_trip(verified->statement);
  return 0;
}
