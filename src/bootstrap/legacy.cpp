#include "bootstrap/legacy.h"

namespace turnpike::bootstrap {

io::http::Response legacy_answer(unsigned status, std::string json) {
  io::http::Response out = io::http::Response::json(status, json);
  out.headers.add("Cache-Control", "no-store");
  return out;
}

io::http::Response legacy_refusal(unsigned status, const dig::ErrorAnswer& why) {
  io::http::Response out = legacy_answer(status, dig::encode_error(why));
  if (why.retry_after_seconds > 0) out.headers.add("Retry-After", std::to_string(why.retry_after_seconds));
  return out;
}

io::http::Response legacy_refusal(const dig::BadMessage& bad) {
  const unsigned status = bad.error == dig::MessageError::kTooLarge ? 413 : 400;
  return legacy_refusal(status, {.error = to_string(bad)});
}

}  // namespace turnpike::bootstrap
