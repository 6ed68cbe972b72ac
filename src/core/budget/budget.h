// The relay's purse: who may begin a session, with how much, how fast and until when, so that a month never costs more
// than its budget (docs/protocols/budget.md).
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/budget/books.h"
#include "core/budget/mode.h"
#include "core/identity/peer_id.h"

namespace turnpike::budget {

using namespace std::chrono_literals;
using identity::PeerId;

/// A smaller quote is none: a node fetches pieces of 1 MiB, and what surrounds them.
constexpr std::uint64_t kMinQuote = std::uint64_t{3} << 19U;
/// Of a session whose rate is not limited.
constexpr std::uint64_t kMaxQuote = std::uint64_t{16} << 30U;
/// What is put on disk ahead of an account's bytes, and forfeited by a crash.
constexpr std::uint64_t kMinStep = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMaxStep = std::uint64_t{64} << 20U;
constexpr Duration kStepTime = 4s;  ///< A step is what flows in so long, within these bounds.

constexpr Duration kNormalLifetime = 30min;
constexpr Duration kWarningLifetime = 15min;
constexpr Duration kPremiumOnlyLifetime = 10min;
constexpr Duration kOwnLifetime = 60min;                      ///< Of sessions in which we are an end ourselves.
constexpr std::uint64_t kWarningRate = 6'250'000;             ///< 50 Mbit/s
constexpr std::uint64_t kPremiumOnlyRate = 2'500'000;         ///< 20 Mbit/s
constexpr std::uint64_t kOwnQuote = std::uint64_t{4} << 30U;  ///< Likewise.
constexpr std::size_t kMaxAccounts = 16'384;                  ///< Of sessions, transfers and purses together.
constexpr std::uint32_t kSessionsPerNetwork = 64;             ///< Of whom nothing was granted; /24, IPv6 /48.
constexpr std::size_t kMaxRemembered = 8'192;                 ///< Who asked; the longest ago goes first.
/// What a purse holds ahead: a part of what is left, within these bounds.
constexpr std::uint64_t kPurseShare = 256;
constexpr std::uint64_t kMinPurse = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMaxPurse = kMaxStep;
constexpr std::size_t kMaxWaiting = 256;                        ///< Refused ones that count in sharing.
constexpr Duration kCheaperTime = 3s;                           ///< For trying cheaper ways, since the first wish.
constexpr Duration kRememberWish = 30min;                       ///< Since the last.
constexpr Duration kWaitingCounts = 2min;                       ///< A refused one counts in sharing for so long.
constexpr Duration kRateBurst = 100ms;                          ///< How far an identity may run ahead of its rate.
constexpr Duration kDiskPoll = 2ms;                             ///< When to ask again where the disk has not answered.
constexpr Duration kLookAgain = 60s;                            ///< At the projection, when nothing happens.
constexpr std::uint64_t kProjectFrom = 24ULL * 60 * 60 * 1000;  ///< ms: a month is projected as if so much had passed.

enum class Refused : std::uint8_t {
  kSessions,      ///< The tier's sessions of this identity all run.
  kNetwork,       ///< Config::sessions_per_network
  kCheaperFirst,  ///< In warning mode: the pair has not had time to try cheaper ways.
  kPremiumOnly,
  kFinishQuotes,
  kSpent,   ///< The month's budget is spent, or as good as.
  kShare,   ///< What is left is promised to others.
  kLedger,  ///< The ledger cannot be written, or is damaged: nothing is relayed that is not written down.
  kFull,    ///< kMaxAccounts
};
/// For people: "its budget for this month is spent", …
[[nodiscard]] std::string_view words_of(Refused reason);
/// For people and programs: what to do instead. "attempt_p2p_first" is what old nodes know.
[[nodiscard]] std::string_view suggestion_for(Refused reason);

struct Refusal {
  Refused reason{};
  Duration retry_after{};
};

struct Asker {
  std::optional<PeerId> peer{};  ///< As it proved to be; without one the address is the identity.
  IpAddress from{};
  std::optional<PeerId> towards{};
  Way way = Way::kThrough;
  std::optional<std::uint64_t> whole{};  ///< Less is of no use: a transfer whose length is promised.
  bool is_ourselves = false;             ///< The other end of somebody's transfer: who asked for that is asked apart.
};

using AccountId = std::uint64_t;

/// What is promised: so many bytes, at most so fast, for so long.
struct Terms {
  AccountId account = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_per_second = 0;  ///< Of all the identity's sessions together; 0 = not limited.
  Duration lifetime{};
  Tier tier{};
};

struct Take {
  enum class Verdict : std::uint8_t {
    kPass,   ///< They may flow, but nothing more of that identity for `rest`.
    kLater,  ///< Nothing was charged: ask again after `rest`.
    kOver,   ///< The account is used up, or there is none: end it.
  };
  Verdict verdict = Verdict::kOver;
  Duration rest{};
};

struct ModeChanged {
  Mode from{};
  Mode to{};
  Ratio projected = 0;
  Ratio spent = 0;
};
struct MonthBegan {
  Month month;
};

/// How things stand.
struct Figures {
  Month month{};
  WallTime resets{};  ///< The month's end.
  Mode mode{};
  MicroUsd budget;
  MicroUsd spent{};      ///< With the fixed cost.
  MicroUsd projected{};  ///< At the month's end, if it goes on like this.
  Ratio projected_ratio = 0;
  Ratio spent_ratio = 0;
  Traffic flowed{};        ///< And what crashes forfeited.
  Traffic promised{};      ///< To running sessions, beside what flowed.
  std::uint64_t room = 0;  ///< Bytes that are neither.
  std::array<std::size_t, kAllTiers.size()> sessions{};
  std::uint64_t granted = 0;
  std::uint64_t refused = 0;
  std::size_t grants = 0;
  bool is_writing = true;  ///< False: see Refused::kLedger.
};

/// Pure: rows go out to the disk by poll_row, and it is told when they are there; bytes flow only then. Drain poll_row
/// and poll_event after every call that takes `now`.
class Budget {
 public:
  struct Config {
    Plan plan{};
    TierTable tiers{};
    std::uint32_t sessions_per_network = kSessionsPerNetwork;
    std::int64_t shift_ms = 0;  ///< What is added to the wall clock: to rehearse a month's end.
  };
  using Event = std::variant<ModeChanged, MonthBegan>;

  /// `books` as they stand on disk: what they reserve is forfeited. Without books nothing is relayed
  /// (Refused::kLedger).
  Budget(Now now, Config config, std::optional<Books> books);

  /// What it would be granted; nothing is promised. It is remembered that it asked.
  [[nodiscard]] Result<Terms, Refusal> consider(Now now, const Asker& asker);
  /// Opens an account: close it.
  [[nodiscard]] Result<Terms, Refusal> open(Now now, const Asker& asker);
  /// An account without end for what has no session, which grows as long as there is money.
  [[nodiscard]] AccountId open_purse(Now now);
  /// Asks before bytes flow.
  [[nodiscard]] Take take(Now now, AccountId account, const Traffic& traffic);
  /// What it did not use is given back. Unknown accounts are no offence.
  void close(Now now, AccountId account);
  /// The relay ends: all accounts at once, purses too.
  void close_all(Now now);

  // The operator's. False: kMaxGrants, or there is no ledger to write it down in.
  [[nodiscard]] bool grant(Now now, const PeerId& peer, const TierGrant& grant);
  /// False: it has none.
  [[nodiscard]] bool revoke(Now now, const PeerId& peer);
  [[nodiscard]] const std::map<Party, TierGrant>& grants() const { return books_.grants(); }

  // The disk.
  [[nodiscard]] std::optional<Row> poll_row();
  /// So many more of the rows are there for good, in order.
  void handle_written(std::size_t rows);
  /// They are not, and will be tried again.
  void handle_write_failed() { is_writing_ = false; }

  void handle_timeout(Now now) { look(now); }
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return look_again_; }

  [[nodiscard]] Figures figures(Now now);
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  struct Account {
    Party party{};
    std::optional<IpAddress> network{};  // counted there
    Tier tier{};
    Way way{};
    bool is_counted = false;  // as one of its party's sessions
    bool is_purse = false;
    std::uint64_t rate = 0;
    std::uint64_t quote = 0;
    std::uint64_t carried = 0;
    // Of this month:
    Traffic promised{};
    Traffic asked{};    // of the disk
    Traffic durable{};  // it is there
    Traffic used{};
  };
  struct PartyState {
    std::uint32_t sessions = 0;
    std::uint32_t weight = 1;
    Instant paid_until;
  };
  struct Wish {
    Instant first;
    Instant last;
    std::list<std::pair<Party, Party>>::iterator age;
  };
  struct Waiting {
    Instant until;
    std::uint32_t weight = 1;
  };
  struct Standing {
    Party party{};
    Tier tier{};
    bool is_granted = false;
  };
  struct InFlight {
    AccountId account = 0;
    Month month;
    Traffic reserved;
  };

  void see(Now now);
  void look(Now now);
  void sweep(Instant now);
  void turn_month(Month month);
  void settle(AccountId id, const Account& account);
  void emit(Row row);
  void reserve(AccountId id, Account& account);
  void top_up(Account& purse);
  [[nodiscard]] std::optional<Refusal> refusal_by_mode(const Standing& standing, Duration tried) const;
  [[nodiscard]] std::optional<Refusal> refusal_by_count(const Standing& standing, const IpAddress& network) const;
  [[nodiscard]] Standing standing_of(const Asker& asker) const;
  [[nodiscard]] Terms terms_for(const Standing& standing) const;
  [[nodiscard]] std::uint64_t share_of(Instant now, const Standing& standing, std::uint64_t room) const;
  /// How long ago it was first wished for, of wishes without a long pause.
  [[nodiscard]] Duration remember(Instant now, const Party& party, const Asker& asker);
  void count_in(Account& account, const Standing& standing, const Asker& asker);
  void count_out(Instant now, const Account& account);
  [[nodiscard]] Duration until_month_end() const;
  [[nodiscard]] Traffic flowed() const { return books_.spent() + used_; }
  [[nodiscard]] MicroUsd projected() const;
  [[nodiscard]] Ratio ratio_of(MicroUsd cost) const;

  Config config_;
  Books books_;
  bool has_books_;
  bool is_writing_ = true;
  Mode mode_ = Mode::kNormal;
  WallTime wall_;  // the last it was told, shifted
  std::optional<Instant> look_again_;
  std::map<AccountId, Account> accounts_;
  AccountId last_account_ = 0;
  Traffic promised_;  // of all accounts
  Traffic used_;
  std::map<Party, PartyState> parties_;
  std::uint64_t weight_in_use_ = 0;  // of parties with sessions
  std::map<Party, Waiting> waiting_;
  std::map<IpAddress, std::uint32_t> by_network_;
  std::map<std::pair<Party, Party>, Wish> wishes_;
  std::list<std::pair<Party, Party>> wishes_by_age_;
  std::array<std::size_t, kAllTiers.size()> by_tier_{};
  std::uint64_t granted_ = 0;
  std::uint64_t refused_ = 0;
  std::deque<Row> rows_;
  std::deque<InFlight> in_flight_;
  std::deque<Event> events_;
};

}  // namespace turnpike::budget
