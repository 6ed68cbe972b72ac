// The attributes of TURN (RFC 8656, section 18) as values. A reader gives nothing when the attribute is malformed.
#pragma once

#include <optional>

#include "base/time.h"
#include "core/stun/attribute.h"
#include "core/turn/channel_data.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::Class;
using stun::ErrorCode;
using stun::MessageView;
using stun::MessageWriter;
using stun::Method;
using stun::TransactionId;

constexpr std::uint8_t kProtocolUdp = 17;

/// Any number that stands there, also one that is no channel.
[[nodiscard]] std::optional<ChannelNumber> read_channel_number(ByteView value);
void add_channel_number(MessageWriter& out, ChannelNumber number);

[[nodiscard]] std::optional<Duration> read_lifetime(ByteView value);
void add_lifetime(MessageWriter& out, Duration lifetime);

/// The protocol number.
[[nodiscard]] std::optional<std::uint8_t> read_requested_transport(ByteView value);
void add_requested_transport(MessageWriter& out);

/// REQUESTED- and ADDITIONAL-ADDRESS-FAMILY: malformed and unassigned are told apart, for they are refused differently.
enum class RequestedFamily : std::uint8_t { kV4, kV6, kUnknown };
[[nodiscard]] std::optional<RequestedFamily> read_address_family(ByteView value);
void add_address_family(MessageWriter& out, AttributeType type, IpAddress::Family family);
/// ADDRESS-ERROR-CODE: why there is no address of `family`, in an answer that gives another.
void add_address_error(MessageWriter& out, IpAddress::Family family, ErrorCode code);

/// EVEN-PORT: true when the next higher port is to be reserved too.
[[nodiscard]] std::optional<bool> read_even_port(ByteView value);

}  // namespace turnpike::turn
