#include "core/exchange/message.h"

#include <algorithm>
#include <string>

#include "core/exchange/message.pb.h"

namespace turnpike::exchange {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string to_string(const Digest& digest) { return std::string(text_of(digest)); }

std::optional<Digest> digest_of(const std::string& bytes) {
  Digest digest{};
  if (bytes.size() != digest.size()) return std::nullopt;
  std::ranges::copy(bytes_of(bytes), digest.begin());
  return digest;
}

std::optional<store::Content> content_of(const wire::Content& message) {
  const std::optional<Digest> root = digest_of(message.root());
  if (!root) return std::nullopt;
  const store::Content content{.size = message.size(), .root = *root};
  if (!content.is_valid()) return std::nullopt;
  return content;
}

void write(const store::Content& content, wire::Content& out) {
  out.set_size(content.size);
  out.set_root(to_string(content.root));
}

template <class Message>
Bytes delimited(const Message& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.varint(message.ByteSizeLong());
  const std::string body = message.SerializeAsString();
  writer.bytes(bytes_of(body));
  return out;
}

template <class Message>
bool parse(ByteView bytes, std::size_t limit, Message& out) {
  return bytes.size() <= limit && out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::uint64_t leaves_in(const store::Content& content, std::uint32_t piece) {
  return (content.piece_length(piece) + store::kLeafSize - 1) / store::kLeafSize;
}

}  // namespace

bool is_answerable(const Request& request) {
  if (std::holds_alternative<AskManifest>(request.ask)) return true;
  if (!request.content || !request.content->is_valid()) return false;
  const store::Content& content = *request.content;
  return std::visit(Overloaded{[](const AskManifest&) { return true; },
                               [&](const AskLayerPage& ask) { return ask.first_piece < content.piece_count(); },
                               [&](const AskLeaves& ask) { return ask.piece < content.piece_count(); },
                               [&](const AskRange& ask) {
                                 return ask.length > 0 && ask.length <= kMaxRangeLength && ask.offset < content.size &&
                                        ask.length <= content.size - ask.offset;
                               }},
                    request.ask);
}

std::uint64_t longest_body(const Request& request) {
  return std::visit(Overloaded{[](const AskManifest&) { return kMaxManifestSize; },
                               [](const AskLayerPage&) { return kMaxLayerPageSize; },
                               [&](const AskLeaves& ask) {
                                 return leaves_in(request.content.value_or(store::Content{}), ask.piece) *
                                        sizeof(Digest);
                               },
                               [](const AskRange& ask) { return ask.length; }},
                    request.ask);
}

Bytes encode(const Request& request) {
  wire::Request message;
  message.set_store(to_string(request.store.bytes));
  if (request.content) write(*request.content, *message.mutable_content());
  std::visit(
      Overloaded{[&](const AskManifest&) { message.mutable_manifest(); },
                 [&](const AskLayerPage& ask) { message.mutable_layer_page()->set_first_piece(ask.first_piece); },
                 [&](const AskLeaves& ask) { message.mutable_leaves()->set_piece(ask.piece); },
                 [&](const AskRange& ask) {
                   message.mutable_range()->set_offset(ask.offset);
                   message.mutable_range()->set_length(ask.length);
                 }},
      request.ask);
  return delimited(message);
}

Bytes encode(const Header& header) {
  wire::Header message;
  message.set_status(static_cast<std::uint32_t>(header.status));
  if (header.content) write(*header.content, *message.mutable_content());
  if (header.offset != 0) message.set_offset(header.offset);
  if (header.length != 0) message.set_length(header.length);
  if (header.retry_after_ms != 0) message.set_retry_after_ms(header.retry_after_ms);
  return delimited(message);
}

Result<Request, ProtocolError> decode_request(ByteView bytes) {
  wire::Request message;
  if (!parse(bytes, kMaxRequestSize, message)) return fail(ProtocolError::kMalformed);
  const std::optional<Digest> id = digest_of(message.store());
  if (!id) return fail(ProtocolError::kMalformed);
  Request request{.store = {*id}, .content = {}, .ask = AskManifest{}};
  if (message.has_content()) {
    request.content = content_of(message.content());
    if (!request.content) return fail(ProtocolError::kMalformed);
  }
  switch (message.ask_case()) {
    case wire::Request::kManifest:
      return request;
    case wire::Request::kLayerPage:
      request.ask = AskLayerPage{message.layer_page().first_piece()};
      break;
    case wire::Request::kLeaves:
      request.ask = AskLeaves{message.leaves().piece()};
      break;
    case wire::Request::kRange:
      request.ask = AskRange{message.range().offset(), message.range().length()};
      break;
    case wire::Request::ASK_NOT_SET:
      return fail(ProtocolError::kMalformed);
  }
  if (!request.content) return fail(ProtocolError::kMalformed);
  return request;
}

Result<Header, ProtocolError> decode_header(ByteView bytes) {
  wire::Header message;
  if (!parse(bytes, kMaxHeaderSize, message)) return fail(ProtocolError::kMalformed);
  if (message.status() < static_cast<std::uint32_t>(StatusCode::kOk) ||
      message.status() > static_cast<std::uint32_t>(StatusCode::kBadRequest)) {
    return fail(ProtocolError::kMalformed);
  }
  Header header{.status = static_cast<StatusCode>(message.status()),
                .content = {},
                .offset = message.offset(),
                .length = message.length(),
                .retry_after_ms = message.retry_after_ms()};
  if (message.has_content()) {
    header.content = content_of(message.content());
    if (!header.content) return fail(ProtocolError::kMalformed);
  }
  if (header.status == StatusCode::kOk && !header.content) return fail(ProtocolError::kMalformed);
  if (header.status != StatusCode::kOk && header.length != 0) return fail(ProtocolError::kMalformed);
  return header;
}

}  // namespace turnpike::exchange
