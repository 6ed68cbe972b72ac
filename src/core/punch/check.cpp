#include "core/punch/check.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/stun/integrity.h"

namespace turnpike::punch {
namespace {

using stun::AttributeType;

constexpr std::string_view kIceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kMinUfrag = 4;
constexpr std::size_t kMaxUfrag = 32;
constexpr std::size_t kMinPassword = 22;
constexpr std::size_t kMaxPassword = 64;

constexpr std::array kKnownInRequest{AttributeType::kUsername, AttributeType::kPriority, AttributeType::kUseCandidate,
                                     AttributeType::kMessageIntegrity, AttributeType::kMessageIntegritySha256};
constexpr std::array kKnownInResponse{AttributeType::kXorMappedAddress, AttributeType::kErrorCode,
                                      AttributeType::kMappedAddress,    AttributeType::kUnknownAttributes,
                                      AttributeType::kMessageIntegrity, AttributeType::kMessageIntegritySha256};

std::string draw_text(Random& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  std::string out;
  for (const std::uint8_t byte : bytes) out += kIceChars[byte % kIceChars.size()];
  return out;
}

bool is_ice_text(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && text.find_first_not_of(kIceChars) == std::string_view::npos;
}

bool is_binding(const stun::MessageView& message) {
  return message.method() == stun::Method::kBinding && stun::verify_fingerprint(message);
}

Bytes sealed(stun::MessageWriter out, const Credentials& key) {
  stun::add_integrity(out, bytes_of(key.password));
  stun::add_fingerprint(out);
  return std::move(out).take();
}

std::optional<std::uint64_t> u64_in(const stun::MessageView& message, AttributeType type) {
  const auto value = message.find(type);
  return value ? stun::read_u64(*value) : std::nullopt;
}

}  // namespace

Credentials Credentials::draw(Random& random) {
  Credentials out;
  out.ufrag = draw_text(random, 8);
  out.password = draw_text(random, 24);
  return out;
}

bool Credentials::is_valid() const {
  return is_ice_text(ufrag, kMinUfrag, kMaxUfrag) && is_ice_text(password, kMinPassword, kMaxPassword);
}

Bytes encode(const CheckRequest& request, const Credentials& from, const Credentials& to) {
  stun::MessageWriter out(stun::Class::kRequest, stun::Method::kBinding, request.id);
  std::string user = to.ufrag;
  user += ':';
  user += from.ufrag;
  out.add(AttributeType::kUsername, user);
  out.add_u32(AttributeType::kPriority, request.priority);
  const bool controls = request.role == Role::kControlling;
  out.add_u64(controls ? AttributeType::kIceControlling : AttributeType::kIceControlled, request.tie_breaker);
  if (request.use_candidate) out.add_flag(AttributeType::kUseCandidate);
  return sealed(std::move(out), to);
}

Bytes encode_success(const stun::TransactionId& id, const Endpoint& seen, const Credentials& ours) {
  stun::MessageWriter out(stun::Class::kSuccess, stun::Method::kBinding, id);
  stun::add_xor_address(out, AttributeType::kXorMappedAddress, seen);
  return sealed(std::move(out), ours);
}

Bytes encode_error(const stun::TransactionId& id, stun::ErrorCode code, const Credentials& ours) {
  stun::MessageWriter out(stun::Class::kError, stun::Method::kBinding, id);
  stun::add_error(out, code);
  return sealed(std::move(out), ours);
}

Result<CheckRequest, CheckError> read_request(const stun::MessageView& message, const Credentials& ours) {
  if (message.message_class() != stun::Class::kRequest || !is_binding(message)) return fail(CheckError::kNotACheck);
  const auto user = message.find(AttributeType::kUsername);
  const auto name = user ? stun::read_text(*user, stun::kMaxUsernameSize) : std::nullopt;
  if (!name) return fail(CheckError::kNotACheck);
  if (name->substr(0, name->find(':')) != ours.ufrag || name->find(':') == std::string_view::npos) {
    return fail(CheckError::kWrongUser);
  }
  if (!stun::verify_integrity(message, bytes_of(ours.password))) return fail(CheckError::kWrongPassword);
  if (!stun::unknown_attributes(message, kKnownInRequest).empty()) return fail(CheckError::kUnknownAttribute);
  const auto priority_value = message.find(AttributeType::kPriority);
  const auto priority = priority_value ? stun::read_u32(*priority_value) : std::nullopt;
  const auto controlling = u64_in(message, AttributeType::kIceControlling);
  const auto controlled = u64_in(message, AttributeType::kIceControlled);
  if (!priority || controlling.has_value() == controlled.has_value()) return fail(CheckError::kMalformed);
  return CheckRequest{.id = message.id(),
                      .priority = *priority,
                      .role = controlling ? Role::kControlling : Role::kControlled,
                      .tie_breaker = controlling ? *controlling : *controlled,
                      .use_candidate = message.has(AttributeType::kUseCandidate)};
}

Result<CheckResponse, CheckError> read_response(const stun::MessageView& message, const Credentials& theirs) {
  const stun::Class kind = message.message_class();
  if ((kind != stun::Class::kSuccess && kind != stun::Class::kError) || !is_binding(message)) {
    return fail(CheckError::kNotACheck);
  }
  if (!stun::verify_integrity(message, bytes_of(theirs.password))) return fail(CheckError::kWrongPassword);
  if (!stun::unknown_attributes(message, kKnownInResponse).empty()) return fail(CheckError::kUnknownAttribute);
  CheckResponse out{.id = message.id(), .seen = {}, .error = {}};
  if (kind == stun::Class::kSuccess) {
    const auto value = message.find(AttributeType::kXorMappedAddress);
    out.seen = value ? stun::read_xor_address(*value, message.id()) : std::nullopt;
    if (!out.seen) return fail(CheckError::kMalformed);
    return out;
  }
  const auto value = message.find(AttributeType::kErrorCode);
  const auto error = value ? stun::read_error(*value) : std::nullopt;
  if (!error) return fail(CheckError::kMalformed);
  out.error = error->code;
  return out;
}

}  // namespace turnpike::punch
