// One order to fetch pieces of one store over one path, as the brain gives it to the shell, and how it can end.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "core/store/store_id.h"

namespace turnpike::sync {

struct FetchId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const FetchId&, const FetchId&) = default;
};

/// A store and which bytes are meant by it. Two contents of one store are two targets with two partial files.
struct Target {
  store::StoreId store;
  store::Content content;
  friend constexpr auto operator<=>(const Target&, const Target&) = default;
};

/// Pieces [first, first + count).
struct PieceRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  friend constexpr auto operator<=>(const PieceRange&, const PieceRange&) = default;
};

/// How sure it is that a store's bytes are the right ones. Ordered: a complete local store is replaced only by a
/// strictly surer one.
enum class Mark : std::uint8_t {
  kContested,    ///< Several contents are announced and none leads: staged, never served.
  kUnconfirmed,  ///< One network alone announces it.
  kConfirmed,    ///< Two distinct networks or more (/24, /48) announce it.
  kTrusted,      ///< A peer the operator trusts announces it.
  kSigned,       ///< A publisher named in the configuration signed it.
  kOwn,          ///< It was in the folder, put there by this node's owner.
  kPinned,       ///< The user named its size and root.
};

[[nodiscard]] std::string_view name_of(Mark mark);

enum class DiskError : std::uint8_t { kNoSpace, kIo };

/// This machine's own trouble; never held against a peer.
struct DiskFailure {
  DiskError error = DiskError::kIo;
  std::string detail;  ///< One line for people; may be empty.
};

enum class FetchEnd : std::uint8_t {
  kDone,        ///< Every piece asked for was delivered by handle_piece before.
  kCancelled,   ///< By our CancelFetch.
  kNotFound,    ///< The peer has no such store (any more).
  kWrongRoot,   ///< The peer has other bytes under this id, and said so.
  kBusy,        ///< The peer asks for patience; see retry_after.
  kOverQuota,   ///< Likewise, because of a limit of its own.
  kBadData,     ///< Proven: its layer or a leaf it sent does not belong to the content. The peer's fault.
  kProtocol,    ///< It broke the protocol: the peer's fault.
  kConnection,  ///< This fetch's own connection or stream broke; others on the path may go on.
  kPathLost,    ///< The path is over, and all that ran on it.
  kTimeout,     ///< The path, or the peer, fell silent.
  kDisk,        ///< Our disk; see disk.
};

[[nodiscard]] std::string_view words_of(FetchEnd end);

struct FetchOutcome {
  FetchEnd end = FetchEnd::kDone;
  Duration retry_after{};  ///< For kBusy and kOverQuota; zero: not said.
  DiskFailure disk;        ///< For kDisk.
  std::string detail;      ///< One line for people; may be empty.
};

}  // namespace turnpike::sync
