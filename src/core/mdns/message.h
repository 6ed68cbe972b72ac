// The part of multicast DNS (RFC 6762, over RFC 1035's messages) that libp2p's discovery needs: a question for the
// service, and an answer that names peers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::mdns {

constexpr std::string_view kService = "_p2p._udp.local";
constexpr std::string_view kOldService = "dig-network";  ///< What old DIG nodes call theirs; only asked for.
constexpr std::size_t kMaxMessage = 9000;                ///< RFC 6762, section 17.
constexpr std::size_t kMaxSent = 1400;                   ///< What we send fits any Ethernet.
constexpr std::size_t kMaxRecords = 128;                 ///< Of one message, questions included.
constexpr std::size_t kMaxName = 255;                    ///< RFC 1035, section 2.3.4.
constexpr std::size_t kMaxJumps = 16;    ///< Compression pointers in one name; each must point backwards.
constexpr std::size_t kMaxStrings = 64;  ///< Of the TXT records of one message.
constexpr std::size_t kMaxString = 255;  ///< RFC 1035, section 3.3.

struct Message {
  bool is_response = false;
  bool asks_for_service = false;  ///< A question of type PTR (or ANY) for kService.
  bool names_service = false;     ///< An answer that kService or kOldService has an instance.
  /// What TXT records say, in answers and additional records alike, at most kMaxStrings.
  std::vector<std::string> texts;
};

/// The sender is to blame for each.
enum class ParseError : std::uint8_t {
  kTruncated,
  kTooLong,  ///< kMaxMessage, kMaxRecords or kMaxName.
  kBadName,  ///< A pointer that does not point backwards, too many of them, or a label of a reserved kind.
};

[[nodiscard]] Result<Message, ParseError> decode(ByteView datagram);
[[nodiscard]] Bytes make_query(std::string_view service = kService);
/// `instance` is one label of at most 63 characters. Texts that are too long, or that no longer fit kMaxSent, are left
/// out.
[[nodiscard]] Bytes make_response(std::string_view instance, const std::vector<std::string>& texts);

}  // namespace turnpike::mdns
