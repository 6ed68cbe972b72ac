#include "command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "exit_code.h"
#include "settings.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;

const std::string kId(64, 'a');
const std::string kRoot(64, 'b');

std::variant<Invocation, Answer> parse(std::vector<std::string> arguments) {
  return parse_command_line(std::move(arguments), "/home/ann");
}

Invocation good(std::vector<std::string> arguments) {
  auto parsed = parse(std::move(arguments));
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    ADD_FAILURE() << answer->text;
    return {};
  }
  return std::get<Invocation>(std::move(parsed));
}

template <class Order>
Order order(std::vector<std::string> arguments) {
  const Invocation invocation = good(std::move(arguments));
  const auto* out = std::get_if<Order>(&invocation.order);
  EXPECT_NE(out, nullptr);
  return out != nullptr ? *out : Order{};
}

Answer bad(std::vector<std::string> arguments) {
  const auto parsed = parse(std::move(arguments));
  const auto* answer = std::get_if<Answer>(&parsed);
  EXPECT_NE(answer, nullptr);
  return answer != nullptr ? *answer : Answer{};
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() : path_(testing::TempDir() + "/config_XXXXXX") { ::close(mkstemp(path_.data())); }
  ~ConfigFile() override { fs::remove(path_); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  std::string path_;
};

TEST(CommandLine, StartsANodeWithItsFlags) {
  const auto node =
      order<node::NodeConfig>({"node", "--data", "/srv/dig", "--port", "4100", "--bootstrap", "https://a.example",
                               "--bootstrap", "https://b.example", "--sync", "off", "--rungs", "http,bootstrap-relay"});
  EXPECT_EQ(node.data, "/srv/dig");
  EXPECT_EQ(node.port, 4100);
  EXPECT_EQ(node.bootstraps.size(), 2U);
  EXPECT_EQ(node.sync, peer::SyncMode::kOff);
  EXPECT_EQ(node.rungs.size(), 2U);
}

TEST(CommandLine, PutsDataUnderHomeWhereNoneIsNamed) {
  EXPECT_EQ(good({"ls"}).data, "/home/ann/.dig");
  EXPECT_EQ(order<node::NodeConfig>({"node"}).data, "/home/ann/.dig");
  EXPECT_EQ(order<bootstrap::BootstrapConfig>({"bootstrap"}).data, "/home/ann/.dig-bootstrap");
}

TEST_F(ConfigFile, SaysWhatFlagsDoNot) {
  write("data = \"~/elsewhere\"\nport = 4200\nbootstrap = [\"https://file.example\"]\n");
  const auto node = order<node::NodeConfig>({"node", "--config", path_, "--bootstrap", "https://flag.example"});
  EXPECT_EQ(node.data, "/home/ann/elsewhere");
  EXPECT_EQ(node.port, 4200);
  ASSERT_EQ(node.bootstraps.size(), 1U);
  EXPECT_EQ(node.bootstraps[0].host, "flag.example");
}

TEST_F(ConfigFile, OfANodeTellsOtherCommandsItsDataFolder) {
  write("data = \"/srv/dig\"\nport = 4200\n");
  EXPECT_EQ(good({"status", "--config", path_}).data, "/srv/dig");
  EXPECT_EQ(good({"status", "--config", path_, "--data", "/other"}).data, "/other");
}

TEST_F(ConfigFile, WithAnUnknownKeyIsRefused) {
  write("prot = 4200\n");
  const Answer answer = bad({"node", "--config", path_});
  EXPECT_EQ(answer.code, kUsage);
  EXPECT_EQ(answer.text, "turnpike: unknown setting \"prot\"\n");
}

TEST(CommandLine, HasAFlagForEverySetting) {
  const std::string node = bad({"node", "--help"}).text;
  for (const Setting& setting : node_settings())
    EXPECT_NE(node.find("--" + setting.name + " "), std::string::npos) << setting.name;
  const std::string bootstrap = bad({"bootstrap", "--help"}).text;
  for (const Setting& setting : bootstrap_settings()) {
    EXPECT_NE(bootstrap.find("--" + setting.name + " "), std::string::npos) << setting.name;
  }
}

TEST(CommandLine, ReadsStoresAsIdsAndAsUrns) {
  EXPECT_EQ(order<GetOrder>({"get", kId}).store.to_string(), kId);
  EXPECT_EQ(order<GetOrder>({"get", "urn:dig:chia:" + kId + "/index.html"}).store.to_string(), kId);
  EXPECT_EQ(order<WhyOrder>({"why", kId}).store.to_string(), kId);
}

TEST(CommandLine, RefusesWhatIsNoStoreIdAndSaysWhatOneIs) {
  for (const std::string& text :
       {std::string(63, 'a'), std::string(64, 'A'), "../" + std::string(61, 'a'), std::string("x")}) {
    const Answer answer = bad({"get", text});
    EXPECT_EQ(answer.code, kUsage);
    EXPECT_NE(answer.text.find("64 lower-case hex digits"), std::string::npos) << answer.text;
  }
}

TEST(CommandLine, TakesFlagsBeforeAndAfterTheirCommandsArguments) {
  const Invocation invocation = good({"get", "--json", kId, "-o", "out.dig", "--timeout", "7.5", "--data", "d"});
  EXPECT_TRUE(invocation.json);
  EXPECT_EQ(invocation.data, "d");
  const auto& get = std::get<GetOrder>(invocation.order);
  EXPECT_EQ(get.output, "out.dig");
  EXPECT_EQ(get.timeout_seconds, 7.5);
}

TEST(CommandLine, ReadsAPin) {
  const auto pin = order<PinOrder>({"pin", kId, "5:" + kRoot});
  EXPECT_EQ(pin.content->size, 5U);
  EXPECT_FALSE(order<PinOrder>({"pin", kId, "--remove"}).content);
  EXPECT_EQ(bad({"pin", kId, "5:" + kRoot, "--remove"}).code, kUsage);
  EXPECT_EQ(bad({"pin", kId, kRoot}).code, kUsage);
  EXPECT_EQ(bad({"pin", kId}).code, kUsage);
}

TEST(CommandLine, AddsSeveralFilesButNamesOneWithAnId) {
  EXPECT_EQ(order<AddOrder>({"add", "a", "b"}).files.size(), 2U);
  EXPECT_TRUE(order<AddOrder>({"add", "a", "--id", kId, "--replace"}).id);
  EXPECT_EQ(bad({"add", "a", "b", "--id", kId}).code, kUsage);
  EXPECT_EQ(bad({"add"}).code, kUsage);
}

TEST(CommandLine, VerifiesAllOrSomeOrOneAgainstAnExpectation) {
  EXPECT_TRUE(order<VerifyOrder>({"verify"}).stores.empty());
  EXPECT_EQ(order<VerifyOrder>({"verify", kId, kRoot}).stores.size(), 2U);
  EXPECT_TRUE(order<VerifyOrder>({"verify", kId, "--expect", "5:" + kRoot}).expected);
  EXPECT_EQ(bad({"verify", "--expect", "5:" + kRoot}).code, kUsage);
}

TEST(CommandLine, ExplainsItselfWithCodeZeroAndErrorsWithTwo) {
  EXPECT_EQ(bad({"--help"}).code, kDone);
  EXPECT_NE(bad({"--help"}).text.find("Exit codes: 0 done"), std::string::npos);
  EXPECT_NE(bad({"get", "--help"}).text.find("Exit codes: 0 done"), std::string::npos);
  EXPECT_EQ(bad({"--version"}).code, kDone);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"dance"}, {"ls", "--colour"}, {"get"}, {"node", "--port", "1", "--port", "2"}}) {
    const Answer answer = bad(arguments);
    EXPECT_EQ(answer.code, kUsage);
    EXPECT_TRUE(answer.text.starts_with("turnpike: ")) << answer.text;
    EXPECT_EQ(std::ranges::count(answer.text, '\n'), 1) << answer.text;
  }
}

TEST(CommandLine, NamesACommandThatThereIsNot) {
  EXPECT_EQ(bad({"dance"}).text, "turnpike: there is no command \"dance\"; see: turnpike --help\n");
  EXPECT_EQ(bad({"help"}).text, bad({"--help"}).text);
  EXPECT_EQ(bad({"help", "get"}).text, bad({"get", "--help"}).text);
  EXPECT_EQ(bad({"help", "get"}).code, kDone);
}

TEST(CommandLine, TakesTheProxyFromTheFlagOrTheEnvironment) {
  const auto variable = [](const char* name) {
    return std::string_view(name) == "HTTPS_PROXY" ? std::optional<std::string>("http://env:3128") : std::nullopt;
  };
  const auto proxy = [&](std::vector<std::string> arguments) {
    const auto parsed = parse_command_line(std::move(arguments), "/home/ann", variable);
    const auto& config = std::get<node::NodeConfig>(std::get<Invocation>(parsed).order);
    return config.proxies.for_tls ? config.proxies.for_tls->shown() : "";
  };
  EXPECT_EQ(proxy({"node"}), "env:3128");
  EXPECT_EQ(proxy({"node", "--proxy", "http://ann:secret@flag:3128"}), "flag:3128");
  EXPECT_EQ(proxy({"node", "--proxy", "none"}), "");
}

TEST(CommandLine, NamesTheVariableThatNamesNoProxyInOneLine) {
  const auto variable = [](const char* name) {
    return std::string_view(name) == "https_proxy" ? std::optional<std::string>("http://a:secret@h:port")
                                                   : std::nullopt;
  };
  const auto parsed = parse_command_line({"node"}, "/home/ann", variable);
  const Answer& answer = std::get<Answer>(parsed);
  EXPECT_EQ(answer.code, kUsage);
  EXPECT_TRUE(answer.text.starts_with("turnpike: the environment variable https_proxy names no proxy; "))
      << answer.text;
  EXPECT_EQ(answer.text.find("secret"), std::string::npos);
  EXPECT_EQ(std::ranges::count(answer.text, '\n'), 1);
}

TEST_F(ConfigFile, OfANodeTellsTheDoctorWhomToAsk) {
  write("port = 4200\nbootstrap = [\"https://file.example\"]\nproxy = \"http://ann:secret@proxy:3128\"\n");
  const auto doctor = order<DoctorOrder>({"doctor", "--config", path_, "--json"});
  ASSERT_EQ(doctor.node.bootstraps.size(), 1U);
  EXPECT_EQ(doctor.node.proxies.for_tls->shown(), "proxy:3128");
  EXPECT_EQ(order<DoctorOrder>({"doctor", "--bootstrap", "https://flag.example"}).node.bootstraps[0].host,
            "flag.example");
}

}  // namespace
}  // namespace turnpike::cli
