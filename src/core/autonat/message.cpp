#include "core/autonat/message.h"

#include <algorithm>
#include <string>

#include "core/autonat/autonat.pb.h"

namespace turnpike::autonat {
namespace {

template <class Wire>
Bytes delimited(const Wire& message) {
  const std::string body = message.SerializeAsString();
  Bytes out;
  ByteWriter writer(out);
  writer.varint(body.size());
  writer.bytes(bytes_of(body));
  return out;
}

template <class Wire>
bool parse(ByteView bytes, Wire& out) {
  return bytes.size() <= kMaxMessage && out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

Bytes encode_request(const std::vector<multiaddr::Multiaddr>& addresses, std::uint64_t nonce) {
  wire::Message out;
  for (const multiaddr::Multiaddr& address : addresses) {
    const Bytes bytes = address.to_bytes();
    out.mutable_dial_request()->add_addrs(bytes.data(), bytes.size());
  }
  out.mutable_dial_request()->set_nonce(nonce);
  return delimited(out);
}

Bytes encode(const DialResponse& response) {
  wire::Message out;
  out.mutable_dial_response()->set_status(static_cast<std::uint32_t>(response.status));
  out.mutable_dial_response()->set_addr_idx(response.index);
  out.mutable_dial_response()->set_dial_status(static_cast<std::uint32_t>(response.dial_status));
  return delimited(out);
}

Bytes encode(const DialDataRequest& request) {
  wire::Message out;
  out.mutable_dial_data_request()->set_addr_idx(request.index);
  out.mutable_dial_data_request()->set_num_bytes(request.bytes);
  return delimited(out);
}

Bytes encode_data(std::size_t size) {
  wire::Message out;
  out.mutable_dial_data_response()->set_data(std::string(std::min(size, kMaxDataPiece), '\0'));
  return delimited(out);
}

Bytes encode_dial_back(std::uint64_t nonce) {
  wire::DialBack out;
  out.set_nonce(nonce);
  return delimited(out);
}

Bytes encode_dial_back_response() {
  wire::DialBackResponse out;
  out.set_status(0);
  return delimited(out);
}

std::optional<Message> decode(ByteView bytes) {
  wire::Message in;
  if (!parse(bytes, in)) return std::nullopt;
  switch (in.msg_case()) {
    case wire::Message::kDialRequest: {
      DialRequest out{.addresses = {}, .nonce = in.dial_request().nonce()};
      if (in.dial_request().addrs_size() > static_cast<int>(kMaxAddresses)) return std::nullopt;
      for (const std::string& each : in.dial_request().addrs()) {
        auto address = multiaddr::Multiaddr::from_bytes(bytes_of(each));
        out.addresses.push_back(address ? std::optional(*std::move(address)) : std::nullopt);
      }
      return out;
    }
    case wire::Message::kDialResponse:
      return DialResponse{.status = static_cast<ResponseStatus>(in.dial_response().status()),
                          .index = in.dial_response().addr_idx(),
                          .dial_status = static_cast<DialStatus>(in.dial_response().dial_status())};
    case wire::Message::kDialDataRequest:
      return DialDataRequest{.index = in.dial_data_request().addr_idx(), .bytes = in.dial_data_request().num_bytes()};
    case wire::Message::kDialDataResponse:
      return DialData{.size = in.dial_data_response().data().size()};
    case wire::Message::MSG_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> decode_dial_back(ByteView message) {
  wire::DialBack in;
  if (!parse(message, in) || !in.has_nonce()) return std::nullopt;
  return in.nonce();
}

DialBackAnswer read_dial_back_response(ByteView stream) {
  if (stream.empty()) return DialBackAnswer::kIncomplete;
  const std::size_t size = stream.front();  // one byte of length: there is one small number in it, or nothing
  if (size > 16) return DialBackAnswer::kWrong;
  if (stream.size() < 1 + size) return DialBackAnswer::kIncomplete;
  wire::DialBackResponse in;
  return parse(stream.subspan(1, size), in) && in.status() == 0 ? DialBackAnswer::kOk : DialBackAnswer::kWrong;
}

}  // namespace turnpike::autonat
