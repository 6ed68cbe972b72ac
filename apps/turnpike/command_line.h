// From argv and the configuration file to one checked order.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bootstrap/config.h"
#include "core/budget/tier.h"
#include "core/identity/peer_id.h"
#include "core/store/store_id.h"
#include "node/config.h"

namespace turnpike::cli {

struct AddOrder {
  std::vector<std::filesystem::path> files;
  std::optional<store::StoreId> id;
  bool replace = false;
  bool make_private = false;
  std::uint64_t reserve = node::NodeConfig().reserve;  ///< Free space that must remain.
};
struct ShareOrder {
  store::StoreId store;
  bool on = true;
};
/// It is not wanted here any more.
struct UnwantOrder {
  store::StoreId store;
  bool remove = false;  ///< Its file goes too.
};
struct GetOrder {
  store::StoreId store;
  std::filesystem::path output;  ///< Empty: it stays in the data folder only.
  double timeout_seconds = 300;  ///< Without a new byte.
};
struct ListOrder {
  std::string command;  ///< ls, peers, transfers or status
  bool watch = false;
};
struct WhyOrder {
  store::StoreId store;
};
struct PinOrder {
  store::StoreId store;
  std::optional<store::Content> content;  ///< None: the pin is taken away.
};
struct VerifyOrder {
  std::vector<store::StoreId> stores;  ///< None: all.
  std::optional<store::Content> expected;
};
struct HashOrder {
  std::filesystem::path file;
  bool layers = false;
};
struct IdOrder {};
/// What a running bootstrap is asked, or its folder.
struct BootstrapOrder {
  std::string command;  ///< grant, revoke, ledger or budget
  identity::PeerId peer{};
  budget::TierGrant grant{};
  bool all = false;  ///< Every row of the ledger.
};
/// Of the node's settings it uses bootstraps, pins and proxy.
struct DoctorOrder {
  node::NodeConfig node;
};

using Order = std::variant<node::NodeConfig, bootstrap::BootstrapConfig, BootstrapOrder, AddOrder, GetOrder, ListOrder,
                           WhyOrder, PinOrder, ShareOrder, UnwantOrder, VerifyOrder, HashOrder, IdOrder, DoctorOrder>;

struct Invocation {
  Order order;
  std::filesystem::path data;
  bool json = false;
};

/// Nothing is to be done but to say this: --help and --version (code 0), or what is wrong (code 2).
struct Answer {
  std::string text;
  int code = 0;
};

/// `home` stands for ~ where no data folder is named; `variable` gives the environment, which may name a proxy.
[[nodiscard]] std::variant<Invocation, Answer> parse_command_line(std::vector<std::string> arguments,
                                                                  const std::filesystem::path& home,
                                                                  const connect::Variable& variable = {});

}  // namespace turnpike::cli
