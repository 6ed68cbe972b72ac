#include "show.h"

#include <gtest/gtest.h>

namespace turnpike::cli {
namespace {

using nlohmann::json;

TEST(Show, ListsStoresWithShareAndReason) {
  const json answer{{"stores",
                     {{{"store", "aaa"}, {"size", 1048576}, {"root", "r"}, {"state", "complete"}, {"mark", "own"}},
                      {{"store", "bbb"},
                       {"size", 2048},
                       {"state", "waiting"},
                       {"bytes_verified", 1024},
                       {"reason", "no peer"},
                       {"next_action_seconds", 5.0}},
                      {{"store", "ccc"}, {"size", nullptr}, {"state", "missing"}}}}};
  EXPECT_EQ(show_ls(answer),
            "STORE  SIZE     STATE        MARK  WHY\n"
            "aaa    1.0 MiB  complete     own\n"
            "bbb    2.0 KiB  waiting 50%  -     no peer; next in 5.0 s\n"
            "ccc    ?        missing      -\n");
}

TEST(Show, TransfersNameTheRungsThatCarriedBytes) {
  const json answer{{"transfers",
                     {{{"store", std::string(64, 'a')},
                       {"state", "complete"},
                       {"bytes_total", 3072},
                       {"bytes_verified", 3072},
                       {"bytes_by_rung", {{"http", 2048}, {"bootstrap-relay", 0}}},
                       {"seconds", 2.0},
                       {"peers", {"12D3KooWa"}}}}}};
  const std::string text = show_transfers(answer);
  EXPECT_NE(text.find("100%"), std::string::npos) << text;
  EXPECT_NE(text.find("http 2.0 KiB"), std::string::npos) << text;
  EXPECT_EQ(text.find("bootstrap-relay"), std::string::npos) << text;
}

TEST(Show, PeersHaveALineForEachRung) {
  const json answer{
      {"peers",
       {{{"peer_id", "12D3KooWa"},
         {"state", "http"},
         {"stores", 49},
         {"found", {"bootstrap", "inbound"}},
         {"connections",
          {{{"remote", "192.0.2.1:4001"}, {"direction", "inbound"}, {"agent", "js-libp2p/3"}, {"streams", 2}}}},
         {"rungs",
          {{{"rung", "http"}, {"state", "open"}, {"rtt_ms", 12.0}, {"bytes", 10}},
           {{"rung", "bootstrap-relay"}, {"state", "idle"}}}}},
        {{"peer_id", "12D3KooWb"}, {"state", "unreachable"}, {"reason", "timed out"}}}}};
  EXPECT_EQ(show_peers(answer),
            "PEER       STATE        FOUND               STORES  RUNG             RUNG STATE  RTT    BYTES  WHY\n"
            "12D3KooWa  http         bootstrap, inbound  49      http             open        0.0 s  10 B\n"
            "                                                    bootstrap-relay  idle        -      ?\n"
            "12D3KooWb  unreachable                      0       -                -           -      -      timed out\n"
            "\n"
            "CONNECTED PEER  ADDRESS         MADE BY   RTT  STREAMS  AGENT\n"
            "12D3KooWa       192.0.2.1:4001  the peer  -    2        js-libp2p/3\n");
}

TEST(Show, PeersSayWhatTheRelayQuoted) {
  const json answer{{"peers",
                     {{{"peer_id", "12D3KooWa"},
                       {"state", "bootstrap-relay"},
                       {"rungs",
                        {{{"rung", "bootstrap-relay"},
                          {"state", "open"},
                          {"quote",
                           {{"bytes", 1 << 30},
                            {"bytes_left", 1 << 29},
                            {"bytes_per_second", 1 << 20},
                            {"until_ms", 1'796'083'200'000}}}}}}}}}};
  EXPECT_NE(show_peers(answer).find("quote: 512.0 MiB left of 1.0 GiB, 1.0 MiB/s, until 2026-12-01 00:00 UTC"),
            std::string::npos)
      << show_peers(answer);
}

TEST(Show, StatusSaysWhoWhereAndWhat) {
  const json answer{
      {"peer_id", "12D3KooWa"},
      {"listen", {"0.0.0.0:5001"}},
      {"external", json::array()},
      {"reachability",
       {{{"kind", "http"}, {"endpoint", "25.0.0.1:5001"}, {"verdict", "proved"}, {"advice", "reached"}},
        {{"kind", "http"}, {"endpoint", "10.0.0.1:5001"}, {"verdict", "local"}, {"advice", "private"}},
        {{"kind", "turn-udp"}, {"endpoint", "25.0.0.1:6001"}, {"verdict", "firewall"}, {"advice", "let it in"}}}},
      {"bootstraps", {{{"url", "https://b.example"}, {"connected", false}, {"reason", "refused"}}}},
      {"stores", {{"complete", 3}, {"missing", 1}}},
      {"bytes_by_rung", {{"http", 1024}}},
      {"sync", "all"},
      {"uptime_seconds", 61}};
  EXPECT_EQ(show_status(answer),
            "peer id     12D3KooWa\n"
            "up for      1 min 1 s\n"
            "listens on  0.0.0.0:5001\n"
            "registered  no address\n"
            "outside     http 25.0.0.1:5001 proved\n"
            "outside     turn-udp 25.0.0.1:6001 firewall: let it in\n"
            "stores      3 complete, 1 missing; sync all\n"
            "fetched     http 1.0 KiB\n"
            "bootstrap   https://b.example  not connected: refused\n");
}

TEST(Show, StatusTellsWhatTheRouterMapsOrWhatToDoAboutIt) {
  const json port{{"external", "203.0.113.7:5001"}, {"transport", "tcp"}};
  const json mapped{
      {"family", "ipv4"}, {"state", "mapped"}, {"protocol", "pcp"}, {"reason", "fine"}, {"ports", {port}}};
  const json none{{"family", "ipv6"}, {"state", "no-gateway"}, {"reason", "no router"}, {"ports", json::array()}};
  EXPECT_NE(show_status({{"mappings", {mapped, none}}}).find("port map    mapped by pcp: 203.0.113.7:5001/tcp\nstores"),
            std::string::npos);
  const json silent{{"family", "ipv4"}, {"state", "no-answer"}, {"reason", "switch it on"}, {"ports", json::array()}};
  EXPECT_NE(show_status({{"mappings", {silent}}}).find("port map    no-answer: switch it on\n"), std::string::npos);
  const json off{{"family", "ipv4"}, {"state", "off"}, {"reason", "switched off"}};
  EXPECT_EQ(show_status({{"mappings", {off}}}).find("port map"), std::string::npos);
}

TEST(Show, WhyTellsTheStoryInOrder) {
  const json answer{{"store", "aaa"},
                    {"state", "waiting"},
                    {"reason", "every path failed"},
                    {"announcers", 2},
                    {"history", {"announced", "http timed out"}},
                    {"bootstraps", json::array()},
                    {"peers", json::array()}};
  EXPECT_EQ(show_why(answer),
            "store       aaa\n"
            "state       waiting: every path failed\n"
            "announced   by 2 peers\n"
            "then        announced\n"
            "then        http timed out\n");
}

TEST(Show, SaysWhatToDoWhereThereIsNothing) {
  EXPECT_NE(show_ls({{"stores", json::array()}}).find("turnpike add"), std::string::npos);
  EXPECT_NE(show_peers(json::object()).find("turnpike status"), std::string::npos);
}

TEST(Show, DoesNotDieOfFieldsOfAnotherType) {
  const json odd{{"store", 7},  {"size", "big"},      {"state", nullptr},
                 {"reason", 1}, {"bytes_by_rung", 5}, {"peers", "none"}};
  EXPECT_NO_THROW((void)show_ls({{"stores", {odd}}}));
  EXPECT_NO_THROW((void)show_transfers({{"transfers", {odd}}}));
  EXPECT_NO_THROW((void)show_peers({{"peers", {odd}}}));
  EXPECT_NO_THROW((void)show_why(odd));
}

}  // namespace
}  // namespace turnpike::cli
