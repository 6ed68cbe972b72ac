// A server fed anything hands out only answerable requests, and owes nothing once each is answered.
#include <cstdlib>

#include "core/exchange/server.h"

using namespace turnpike;
using namespace turnpike::exchange;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Server server;
  ByteView in(data, size);
  while (true) {
    const std::size_t before = in.size();
    const auto request = server.read(in);
    if (!request) return 0;
    const bool refused = server.poll_refusal().has_value();
    if (*request) {
      if (refused || !is_answerable(**request)) std::abort();
      (void)server.accept((*request)->content.value_or(store::Content{.size = 1, .root = {}}), longest_body(**request));
      server.sent(server.owed());
    }
    if (server.is_answering()) std::abort();
    if (!*request && !refused) {
      if (!in.empty()) std::abort();
      return 0;
    }
    if (in.size() >= before) std::abort();
  }
}
