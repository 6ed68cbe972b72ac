// Any answers to /health: the verdict's line can be printed, and nobody who proves the key is called a portal.
#include <algorithm>
#include <cstdlib>

#include "core/captive/verdict.h"

namespace {

using namespace turnpike;

ByteView take(ByteView& input, std::size_t most) {
  if (input.empty()) return {};
  const std::size_t size = std::min<std::size_t>({input.front() % most, input.size() - 1, most});
  const ByteView out = input.subspan(1, size);
  input = input.subspan(1 + size);
  return out;
}

std::optional<captive::WebAnswer> answer(ByteView& input) {
  if (input.size() < 2) return std::nullopt;
  const unsigned status = 100U + input[0] * 2U + input[1] % 2U;
  input = input.subspan(2);
  const ByteView location = take(input, 120);
  const ByteView type = take(input, 20);
  return captive::read_answer(status, text_of(location), text_of(type), take(input, 200));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  ByteView input(data + 1, size - 1);
  captive::Facts facts{.host = "boot.example", .reached = (data[0] & 1U) != 0};
  facts.tls = static_cast<captive::Tls>(data[0] >> 1U & 3U);
  facts.another_works = (data[0] & 8U) != 0;
  facts.at_port = answer(input);
  facts.at_80 = answer(input);
  const captive::Verdict verdict = captive::judge(facts);
  if (std::ranges::any_of(verdict.text, [](char c) { return c < ' ' || c > '~'; })) std::abort();
  const bool is_captive = verdict.finding == captive::Finding::kCaptive;
  if (is_captive && (facts.another_works || facts.tls == captive::Tls::kTrusted)) std::abort();
  if (is_captive && facts.at_port && facts.at_port->is_ours) std::abort();
  return 0;
}
