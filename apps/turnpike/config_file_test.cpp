#include "config_file.h"

#include <gtest/gtest.h>

namespace turnpike::cli {
namespace {

std::string error_of(std::string_view text) {
  const auto settings = parse_config(text, "turnpike.toml");
  return settings ? "" : settings.error();
}

TEST(ConfigFile, BecomesTextByName) {
  const auto settings = parse_config("port = 4100\nsync = \"off\"\nbootstrap = [\"a\", \"b\"]\nreserve = 0\n", "x");
  ASSERT_TRUE(settings);
  EXPECT_EQ(*settings,
            (Settings{{"port", {"4100"}}, {"sync", {"off"}}, {"bootstrap", {"a", "b"}}, {"reserve", {"0"}}}));
}

TEST(ConfigFile, MayBeEmpty) { EXPECT_TRUE(parse_config("# nothing\n", "x")->empty()); }

TEST(ConfigFile, ErrorsNameTheFileAndTheLine) {
  EXPECT_TRUE(error_of("port = 1\nsync = \n").starts_with("turnpike.toml:2: ")) << error_of("port = 1\nsync = \n");
  EXPECT_EQ(error_of("[node]\nport = 1\n"), "turnpike.toml:1: node must be text, a number or a list of those");
  EXPECT_EQ(error_of("a = [[1]]\n"), "turnpike.toml:1: a must be text, a number or a list of those");
}

TEST(ConfigFile, ThatIsNotThereIsNamed) {
  const auto settings = read_config_file("/nonexistent/turnpike.toml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error(), "/nonexistent/turnpike.toml: No such file or directory");
}

}  // namespace
}  // namespace turnpike::cli
