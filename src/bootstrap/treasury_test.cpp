#include "bootstrap/treasury.h"

#include <sqlite3.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "bootstrap/bootstrap_test_support.h"
#include "bootstrap/control_api.h"

namespace turnpike::bootstrap {
namespace {

using namespace std::chrono_literals;
using io::http::Method;
using nlohmann::json;

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::uint64_t kNoon = 1'796'083'200'000 - 12 * 3'600'000;
const std::string kOld = identity::PeerId{Digest{1, 2, 3}}.to_string();

asio::awaitable<bool> flushed(Treasury& treasury) {
  bool done = false;
  co_await treasury.flush();
  done = true;
  co_return done;
}

asio::awaitable<std::size_t> read_all_of(io::BytePipe& pipe, std::size_t size) {
  Bytes buffer(64 << 10U);
  std::size_t got = 0;
  while (got < size) {
    const auto more = co_await pipe.read_some(buffer);
    if (!more || *more == 0) break;
    got += *more;
  }
  co_return got;
}

asio::awaitable<void> write_to(io::BytePipe& pipe, const Bytes& bytes) {
  const auto written = co_await pipe.write(bytes);
  EXPECT_TRUE(written);
}

struct Paid : testing::Test {
  Paid() {
    std::string pattern = (std::filesystem::temp_directory_path() / "treasury-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    money.file = folder / "ledger.db";
    money.config.plan.budget = {18'000};  // 200 MB
    // At noon of a month's last day, whatever the day of the test: what is projected is what is spent.
    money.config.shift_ms = static_cast<std::int64_t>(kNoon) - static_cast<std::int64_t>(io::wall_now().unix_ms);
    money.config.tiers.of(budget::Tier::kFree).bytes_per_second = 0;
  }
  ~Paid() override { std::filesystem::remove_all(folder); }

  /// A month in which so much has been relayed before.
  void spend_before(std::uint64_t bytes) {
    auto opened = io::Ledger::open(money.file);
    ASSERT_TRUE(opened);
    const budget::Month month = budget::Month::of({kNoon});
    budget::Row row{.number = 1, .kind = budget::RowKind::kMonth, .month = month};
    std::vector<budget::Row> rows{row};
    row = {.number = 2, .kind = budget::RowKind::kReserve, .month = month, .account = 1, .traffic = {bytes, bytes}};
    rows.push_back(row);
    row.number = 3;
    row.kind = budget::RowKind::kSettle;
    rows.push_back(row);
    ASSERT_TRUE(opened->ledger->append(rows));
  }
  World& start() {
    world = std::make_unique<World>(relay::Policy{}, &money);
    return *world;
  }
  json post(const std::string& path, const json& body, unsigned status) {
    const std::string text = body.dump();
    const Answer answer = world->ask({Method::kPost, path, {}, copy_of(bytes_of(text))});
    EXPECT_EQ(answer.status, status) << path;
    return json::parse(text_of(answer.body));
  }
  json get(const std::string& path) { return json::parse(text_of(world->ask({Method::kGet, path, {}, {}}).body)); }

  std::unique_ptr<io::BytePipe> join(const relay::SessionId& session, const relay::Credential& credential) {
    const io::http::Headers headers{{std::string(relay::kCredentialHeader), credential.to_string()}};
    auto connected = world->run(io::connect_websocket(world->url(std::string(relay::kRelayPath) + session.to_string()),
                                                      std::nullopt, headers, {}));
    EXPECT_TRUE(connected);
    return io::as_pipe(std::move(connected->socket));
  }

  std::filesystem::path folder;
  Money money;
  std::unique_ptr<World> world;
};

TEST_F(Paid, WritesDownWhatARelaySessionCarries) {
  World& w = start();
  const auto grant =
      w.brain.server().relay().open(io::both_now(), {Digest{1}}, IpAddress::v4(127, 0, 0, 1), {Digest{2}});
  ASSERT_TRUE(grant);
  w.brain.pump();
  auto near = join(grant->session, grant->initiator);
  auto far = join(grant->session, grant->responder);
  const Bytes sent(kMiB, 7);
  asio::co_spawn(w.loop, write_to(*near, sent), asio::detached);
  EXPECT_EQ(w.run(read_all_of(*far, kMiB)), kMiB);
  near->close();
  far->close();
  w.until([&] { return w.brain.server().relay().size() == 0; });
  EXPECT_TRUE(w.run(flushed(*w.treasury)));
  const auto books = io::read_ledger(money.file);
  ASSERT_TRUE(books);
  EXPECT_EQ(books->spent(), (budget::Traffic{kMiB, kMiB}));
  EXPECT_EQ(w.treasury->budget().figures(io::both_now()).flowed.out, kMiB);
}

TEST_F(Paid, RemembersTheMonthAndTheGrantsOverARestart) {
  spend_before(50'000'000);
  World& w = start();
  EXPECT_TRUE(w.treasury->budget().grant(io::both_now(), {Digest{1}}, {budget::Tier::kPremium, std::nullopt}));
  w.treasury->pump();
  EXPECT_TRUE(w.run(flushed(*w.treasury)));
  const std::uint64_t before = w.treasury->budget().figures(io::both_now()).flowed.out;
  EXPECT_EQ(before, 50'000'000U);
  world.reset();
  World& again = start();
  EXPECT_GE(again.treasury->budget().figures(io::both_now()).flowed.out, before);
  EXPECT_EQ(again.treasury->budget().grants().size(), 1U);
}

TEST_F(Paid, RelaysNothingByADamagedLedgerAndNamesTheRow) {
  spend_before(50'000'000);
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(money.file.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "UPDATE rows SET bytes_out = 1 WHERE number = 3", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  World& w = start();
  ASSERT_TRUE(w.treasury->damage());
  EXPECT_EQ(w.treasury->damage()->row, 3U);
  const auto grant =
      w.brain.server().relay().open(io::both_now(), {Digest{1}}, IpAddress::v4(127, 0, 0, 1), {Digest{2}});
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, relay::RefusalReason::kLedger);
  EXPECT_EQ(w.ask({Method::kGet, "/v1/peers", {}, {}}).status, 200U) << "peers find each other as before";
}

TEST_F(Paid, TellsOldNodesTheTrueFigures) {
  spend_before(50'000'000);
  money.config.plan.fixed = {3'000};
  start();
  const json stats = get("/cost-stats");
  EXPECT_DOUBLE_EQ(stats["costMetrics"]["currentSpend"], 0.0075);
  EXPECT_DOUBLE_EQ(stats["costMetrics"]["dataTransferCosts"], 0.0045);
  EXPECT_DOUBLE_EQ(stats["costMetrics"]["computeCosts"], 0.003);
  EXPECT_DOUBLE_EQ(stats["costMetrics"]["budgetLimit"], 0.018);
  EXPECT_EQ(stats["sessionStats"]["byTier"]["free"], 0);
  EXPECT_EQ(stats["mode"]["shutdown"], false);
}

TEST_F(Paid, RefusesOldNodesInTheirOwnWordsWhenTheMonthIsSpent) {
  spend_before(199'000'000);
  start();
  const json refused = post("/allocate-turn", {{"peerId", kOld}}, 503);
  EXPECT_EQ(refused["success"], false);
  EXPECT_EQ(refused["shutdown"], true);
  EXPECT_EQ(refused["retryAfter"], 3600);
  EXPECT_NEAR(refused["costInfo"]["budgetRemaining"], 0.00009, 1e-9);
  EXPECT_EQ(get("/health")["status"], "degraded");
  EXPECT_EQ(get("/cost-stats")["mode"]["currentThreshold"], "shutdown");
}

TEST_F(Paid, BelievesNoTierThatAnOldNodeClaims) {
  money.config.tiers.of(budget::Tier::kFree).bytes_per_second = 625'000;
  start();
  const json granted = post(
      "/allocate-turn", {{"peerId", kOld}, {"userTier", "premium"}, {"isPremium", true}, {"p2pAttempted", true}}, 200);
  EXPECT_EQ(granted["limits"]["maxBandwidthMbps"], 5);
  EXPECT_EQ(granted["limits"]["maxDurationSeconds"], 1800);
  EXPECT_DOUBLE_EQ(granted["limits"]["priorityLevel"], 0.1);
}

TEST_F(Paid, TakesATurnServersBytesFromTheSameMoney) {
  World& w = start();
  EXPECT_TRUE(w.run(flushed(*w.treasury)));
  w.loop.restart();
  w.loop.poll();
  EXPECT_TRUE(w.treasury->pay(io::both_now(), 1000).allowed);
  EXPECT_EQ(w.treasury->budget().figures(io::both_now()).flowed.out, 1000U);
  EXPECT_FALSE(w.treasury->is_spent(io::both_now()));
}

/// Keeps what a handler says.
struct HeardReply final : io::Reply {
  json line;
  asio::awaitable<bool> send(json object) override {
    line = std::move(object);
    co_return true;
  }
};

asio::awaitable<json> asked(ControlApi& api, json request) {
  HeardReply reply;
  co_await api.answer(std::move(request), reply);
  co_return reply.line;
}

TEST_F(Paid, AnswersTheOperator) {
  World& w = start();
  ControlApi api(*w.treasury);
  const std::string peer = identity::PeerId{Digest{9}}.to_string();
  EXPECT_EQ(
      w.run(asked(api,
                  {{"command", "grant"}, {"peer", peer}, {"tier", "premium"}, {"until_ms", 4'000'000'000'000}}))["ok"],
      true);
  EXPECT_EQ(io::read_ledger(money.file)->grants().size(), 1U) << "done is what is on disk";
  const json budget = w.run(asked(api, {{"command", "budget"}}));
  EXPECT_EQ(budget["mode"], "normal");
  EXPECT_EQ(budget["grants"][0]["peer"], peer);
  EXPECT_EQ(budget["grants"][0]["tier"], "premium");
  EXPECT_EQ(w.run(asked(api, {{"command", "revoke"}, {"peer", peer}}))["ok"], true);
  EXPECT_EQ(w.run(asked(api, {{"command", "revoke"}, {"peer", peer}}))["exit"], 4);
  EXPECT_EQ(w.run(asked(api, {{"command", "grant"}, {"peer", peer}, {"tier", "gold"}}))["exit"], 2);
  EXPECT_EQ(w.run(asked(api, {{"command", "grant"}, {"peer", "me"}, {"tier", "free"}}))["exit"], 2);
  EXPECT_EQ(w.run(asked(api, {{"command", "fly"}}))["exit"], 2);
}

}  // namespace
}  // namespace turnpike::bootstrap
