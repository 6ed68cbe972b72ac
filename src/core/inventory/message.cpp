#include "core/inventory/message.h"

#include <string>

#include "core/identity/statement.h"
#include "core/inventory/inventory.pb.h"

namespace turnpike::inventory {
namespace {

Bytes delimited(ByteView message) {
  Bytes out;
  ByteWriter writer(out);
  writer.varint(message.size());
  writer.bytes(message);
  return out;
}

ProtocolError cause_of(identity::StatementError error) {
  const bool is_clock = error == identity::StatementError::kExpired || error == identity::StatementError::kTooFarAhead;
  return is_clock ? ProtocolError::kClock : ProtocolError::kNotSigned;
}

}  // namespace

std::string_view words_of(ProtocolError error) {
  switch (error) {
    case ProtocolError::kTooLong:
      return "a message above its limit";
    case ProtocolError::kMalformed:
      return "a message that cannot be read";
    case ProtocolError::kNotSigned:
      return "a page that it did not sign for us";
    case ProtocolError::kClock:
      return "a page from another time: a clock is wrong";
    case ProtocolError::kOutOfOrder:
      return "a page out of order";
    case ProtocolError::kTooMany:
      return "more stores than a peer may have";
    case ProtocolError::kTooFast:
      return "pages without end";
    case ProtocolError::kTruncated:
      return "half a page";
  }
  return "unknown";
}

Bytes encode(const Request& request) {
  wire::Request message;
  message.set_epoch(request.epoch);
  message.set_since(request.since);
  message.set_follow(request.follow);
  return delimited(bytes_of(message.SerializeAsString()));
}

Result<Request, ProtocolError> decode_request(ByteView bytes) {
  wire::Request message;
  if (bytes.size() > kMaxRequestSize) return fail(ProtocolError::kTooLong);
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(ProtocolError::kMalformed);
  return Request{.epoch = message.epoch(), .since = message.since(), .follow = message.follow()};
}

Bytes encode_page(const Page& page) {
  Bytes stores;
  for (const store::Manifest& each : page.stores) {
    const Bytes entry = store::encode_manifest(each);
    stores.insert(stores.end(), entry.begin(), entry.end());
  }
  Bytes gone;
  for (const store::StoreId& each : page.gone) gone.insert(gone.end(), each.bytes.begin(), each.bytes.end());
  wire::Page message;
  message.set_epoch(page.epoch);
  message.set_from(page.from);
  message.set_to(page.to);
  if (page.more) message.set_more(true);
  if (!stores.empty()) message.set_stores(stores.data(), stores.size());
  if (!gone.empty()) message.set_gone(gone.data(), gone.size());
  const std::string body = message.SerializeAsString();
  return copy_of(bytes_of(body));
}

Result<Page, ProtocolError> decode_page(ByteView body) {
  wire::Page message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail(ProtocolError::kMalformed);
  const ByteView stores = bytes_of(message.stores());
  const ByteView gone = bytes_of(message.gone());
  constexpr std::size_t kId = sizeof(Digest);
  if (stores.size() % store::kManifestSize != 0 || gone.size() % kId != 0) return fail(ProtocolError::kMalformed);
  const std::size_t changes = stores.size() / store::kManifestSize + gone.size() / kId;
  if (changes > kPageChanges) return fail(ProtocolError::kTooLong);
  Page page{.epoch = message.epoch(), .from = message.from(), .to = message.to(), .more = message.more()};
  // Every change has a number of its own: a page that goes nowhere would let others follow it for ever.
  if (page.epoch == 0 || page.to < page.from || (page.more && page.to == page.from)) {
    return fail(ProtocolError::kMalformed);
  }
  page.stores.reserve(stores.size() / store::kManifestSize);
  for (std::size_t at = 0; at < stores.size(); at += store::kManifestSize) {
    const auto entry = store::decode_manifest(stores.subspan(at, store::kManifestSize));
    if (!entry) return fail(ProtocolError::kMalformed);
    page.stores.push_back(*entry);
  }
  ByteReader in(gone);
  while (in.remaining() > 0) page.gone.push_back({in.array<kId>()});
  return page;
}

Bytes sign_page(const crypto::SigningKey& key, const Page& page, const identity::PeerId& audience, std::uint64_t seq,
                WallTime now) {
  identity::Statement statement;
  statement.type = kStatementType;
  statement.audience = audience;
  statement.seq = seq;
  statement.expires = {now.unix_ms + kPageLifetimeMs};
  statement.body = encode_page(page);
  return delimited(identity::sign_statement(key, statement));
}

Result<SignedPage, ProtocolError> open_page(ByteView message, const identity::PeerId& from, const identity::PeerId& to,
                                            WallTime now) {
  if (message.size() > kMaxPageSize) return fail(ProtocolError::kTooLong);
  const auto verified = identity::verify_statement(message, kStatementType, to, now);
  if (!verified) return fail(cause_of(verified.error()));
  if (verified->signer != from) return fail(ProtocolError::kNotSigned);
  auto page = decode_page(verified->statement.body);
  if (!page) return fail(page.error());
  return SignedPage{.page = *std::move(page), .seq = verified->statement.seq};
}

}  // namespace turnpike::inventory
