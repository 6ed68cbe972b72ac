#include "command_line.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "budget_text.h"
#include "config_file.h"
#include "core/store/urn.h"
#include "exit_code.h"
#include "settings.h"
#include "text.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 no node runs on the data folder,\n"
    "4 not found, 5 timed out, 6 the data is not what it should be, 7 doctor found a problem.";

/// What CLI11 fills, before it is checked.
struct Raw {
  std::string data;
  std::string config;
  bool json = false;
  Settings settings;

  std::vector<std::string> files;
  std::vector<std::string> stores;
  std::string store;
  std::string id;
  std::string content;
  std::string output;
  double timeout = 300;
  bool replace = false;
  bool remove = false;
  bool watch = false;
  bool layers = false;
  bool make_private = false;
  std::string reserve;
  std::string on;
  std::string peer;
  std::string tier;
  std::string until;
  bool all = false;
};

CLI::App* add_command(CLI::App& app, Raw& raw, const std::string& name, const std::string& help) {
  CLI::App* command = app.add_subcommand(name, help);
  command->footer(kFooter);
  command->add_option("--data", raw.data, "the data folder")->type_name("DIR");
  command->add_option("--config", raw.config, "a TOML file whose keys are the long flags")->type_name("FILE");
  return command;
}

CLI::App* add_client_command(CLI::App& app, Raw& raw, const std::string& name, const std::string& help) {
  CLI::App* command = add_command(app, raw, name, help);
  command->add_flag("--json", raw.json, "print JSON (docs/commands.md)");
  return command;
}

void add_settings(CLI::App* command, Raw& raw, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    auto* option = command->add_option("--" + setting.name, raw.settings[setting.name], setting.help);
    option->type_name(setting.value);
    if (!setting.is_list) option->expected(1);
  }
}

void describe_bootstrap(CLI::App& bootstrap, Raw& raw) {
  bootstrap.require_subcommand(0, 1);
  auto* grant = add_client_command(bootstrap, raw, "grant", "give a peer a tier of the relay");
  grant->add_option("--peer", raw.peer, "the peer's id, 12D3KooW…")->type_name("ID")->required();
  grant->add_option("--tier", raw.tier, "premium, standard, basic or free")->type_name("TIER")->required();
  grant->add_option("--until", raw.until, "when it ends, in UTC: 2026-12-31 or 2026-12-31T18:00:00Z (default: never)")
      ->type_name("DATE");
  auto* revoke = add_client_command(bootstrap, raw, "revoke", "take a peer's tier back");
  revoke->add_option("--peer", raw.peer, "the peer's id")->type_name("ID")->required();
  auto* ledger = add_client_command(bootstrap, raw, "ledger", "check the ledger on disk, and show its rows");
  ledger->add_flag("--all", raw.all, "every row, not the last twenty");
  add_client_command(bootstrap, raw, "budget", "what the month has cost, and what is left");
}

void describe(CLI::App& app, Raw& raw) {
  app.require_subcommand(1);
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("turnpike ") + TURNPIKE_VERSION);

  add_settings(add_command(app, raw, "node", "run a peer"), raw, node_settings());
  auto* bootstrap = add_command(app, raw, "bootstrap", "run a meeting point and last-resort relay");
  add_settings(bootstrap, raw, bootstrap_settings());
  describe_bootstrap(*bootstrap, raw);

  auto* add = add_client_command(app, raw, "add", "copy files into the data folder as stores");
  add->add_option("FILE", raw.files, "the files; a name of 64 hex digits (and .dig) is the store's id")->required();
  add->add_option("--id", raw.id, "the store's id, where the file's name is none")->type_name("ID");
  add->add_flag("--replace", raw.replace, "take the place of a store that is there with other bytes");

  add->add_flag("--private", raw.make_private, "tell nobody of them (turnpike share ID on undoes it)");
  add->add_option("--reserve", raw.reserve, "free space that must remain (default 256MiB)")->type_name("SIZE");

  auto* get = add_client_command(app, raw, "get", "bring a store here");
  get->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();
  get->add_option("-o,--output", raw.output, "copy the store there once it is complete")->type_name("FILE");
  get->add_option("--timeout", raw.timeout, "give up after this long without a new byte")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();

  add_client_command(app, raw, "ls", "the stores held, wanted or known of");
  add_client_command(app, raw, "peers", "the peers known of, and the rungs to each");
  auto* transfers = add_client_command(app, raw, "transfers", "what is and was being fetched: bytes, rungs, peers");
  transfers->add_flag("--watch", raw.watch, "again every second, until interrupted");
  add_client_command(app, raw, "status", "who the node is, where it listens, what it moved");

  auto* why = add_client_command(app, raw, "why", "why a store is or is not here");
  why->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();

  auto* pin = add_client_command(app, raw, "pin", "from now on only these bytes are this store");
  pin->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();
  pin->add_option("SIZE:ROOT", raw.content, "as `turnpike hash` prints them");
  pin->add_flag("--remove", raw.remove, "take the pin away instead");

  auto* share = add_client_command(app, raw, "share", "whether others may know of a store, and fetch it");
  share->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();
  share->add_option("on|off", raw.on, "on: it is announced and served; off: it is told to nobody")->required();

  auto* unwant = add_client_command(app, raw, "unwant", "do not fetch a store, whatever the sync mode");
  unwant->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();
  auto* rm = add_client_command(app, raw, "rm", "delete a store here, and do not fetch it again");
  rm->add_option("STORE", raw.store, "64 lower-case hex digits, or a urn:dig:chia:")->required();

  auto* verify = add_client_command(app, raw, "verify", "hash stores again and say which are damaged");
  verify->add_option("STORE", raw.stores, "which (default all in the data folder)");
  verify->add_option("--expect", raw.content, "what the one named store must be")->type_name("SIZE:ROOT");

  auto* hash = add_client_command(app, raw, "hash", "size and BEP 52 root of a file");
  hash->add_option("FILE", raw.store, "any file of 1 byte to 1 TiB")->required();
  hash->add_flag("--layers", raw.layers, "each piece's hash too");

  auto* doctor = add_client_command(app, raw, "doctor", "measure this network and say what to mend; takes ten seconds");
  add_settings(doctor, raw, doctor_settings());

  add_client_command(app, raw, "id", "this folder's peer id; makes the key if there is none");
}

Answer wrong(const std::string& text) { return {"turnpike: " + text + "\n", kUsage}; }

std::optional<store::StoreId> read_store(const std::string& text) {
  const auto urn = store::parse_id_or_urn(text);
  return urn ? std::optional(urn->id) : std::nullopt;
}

std::string no_store(const std::string& text) {
  return "\"" + text + "\" is no store id: give 64 lower-case hex digits, or urn:dig:chia: and those";
}

std::string no_content(const std::string& text) {
  return "\"" + text + "\" is not SIZE:ROOT, a number of bytes and 64 lower-case hex digits";
}

using Ordered = Result<Order, std::string>;

Ordered order_of_add(const Raw& raw, const Settings& file) {
  AddOrder order{.files = {raw.files.begin(), raw.files.end()}, .id = {}, .replace = raw.replace};
  order.make_private = raw.make_private;
  const auto in_file = file.find("reserve");
  const std::string reserve = !raw.reserve.empty() ? raw.reserve : in_file == file.end() ? "" : in_file->second.front();
  if (!reserve.empty()) {
    const auto size = parse_size(reserve);
    if (!size) return fail("reserve \"" + reserve + "\" is no size: give a number of bytes, or one with MiB or GiB");
    order.reserve = *size;
  }
  if (raw.id.empty()) return Order(std::move(order));
  order.id = read_store(raw.id);
  if (!order.id) return fail(no_store(raw.id));
  if (order.files.size() != 1) return fail(std::string("--id names one store: give one file with it"));
  return Order(std::move(order));
}

Ordered order_of_verify(const Raw& raw) {
  VerifyOrder order;
  for (const std::string& text : raw.stores) {
    const auto store = read_store(text);
    if (!store) return fail(no_store(text));
    order.stores.push_back(*store);
  }
  if (raw.content.empty()) return Order(std::move(order));
  order.expected = parse_content(raw.content);
  if (!order.expected) return fail(no_content(raw.content));
  if (order.stores.size() != 1) return fail(std::string("--expect is about one store: name it"));
  return Order(std::move(order));
}

Ordered order_about_a_store(const std::string& command, const Raw& raw) {
  const auto store = read_store(raw.store);
  if (!store) return fail(no_store(raw.store));
  if (command == "get") return Order(GetOrder{*store, raw.output, raw.timeout});
  if (command == "why") return Order(WhyOrder{*store});
  if (command == "unwant" || command == "rm") return Order(UnwantOrder{*store, command == "rm"});
  if (command == "share") {
    if (raw.on != "on" && raw.on != "off") return fail("\"" + raw.on + "\" is neither on nor off");
    return Order(ShareOrder{*store, raw.on == "on"});
  }
  if (raw.remove && raw.content.empty()) return Order(PinOrder{*store, std::nullopt});
  if (raw.remove) return fail(std::string("--remove takes no SIZE:ROOT"));
  const auto content = parse_content(raw.content);
  if (!content) return fail(no_content(raw.content));
  return Order(PinOrder{*store, content});
}

template <class Config>
std::optional<std::string> configured(Config& config, const Settings& settings, const connect::Variable& variable) {
  if constexpr (std::is_same_v<Config, node::NodeConfig>) {
    return configure(config, settings, variable);
  } else {
    return configure(config, settings);
  }
}

template <class Config>
Ordered order_of_service(const Raw& raw, const Settings& file, const fs::path& data,
                         const connect::Variable& variable) {
  Settings flags = raw.settings;
  std::erase_if(flags, [](const auto& entry) { return entry.second.empty(); });
  Config config;
  config.data = data;
  if (auto error = configured(config, merged(std::move(flags), file), variable)) return fail(*std::move(error));
  return Order(std::move(config));
}

Ordered order_about_the_budget(const std::string& command, const Raw& raw) {
  BootstrapOrder order{.command = command, .peer = {}, .grant = {}, .all = raw.all};
  if (command != "grant" && command != "revoke") return Order(std::move(order));
  const auto peer = identity::PeerId::parse(raw.peer);
  if (!peer) return fail("\"" + raw.peer + "\" is no peer id: turnpike id prints one's own, 12D3KooW…");
  order.peer = *peer;
  if (command == "revoke") return Order(std::move(order));
  const auto tier = budget::parse_tier(raw.tier);
  if (!tier) return fail("\"" + raw.tier + "\" is no tier: give premium, standard, basic or free");
  order.grant.tier = *tier;
  if (raw.until.empty()) return Order(std::move(order));
  order.grant.until = parse_date(raw.until);
  if (!order.grant.until) return fail("\"" + raw.until + "\" is no date: give 2026-12-31 or 2026-12-31T18:00:00Z");
  return Order(std::move(order));
}

Ordered order_of_doctor(const Raw& raw, const Settings& file, const fs::path& data, const connect::Variable& variable) {
  auto order = order_of_service<node::NodeConfig>(raw, file, data, variable);
  if (!order) return order;
  return Order(DoctorOrder{std::get<node::NodeConfig>(*std::move(order))});
}

Ordered order_of(const std::string& command, const std::string& of_bootstrap, const Raw& raw, const Settings& file,
                 const fs::path& data, const connect::Variable& variable) {
  if (command == "node") return order_of_service<node::NodeConfig>(raw, file, data, variable);
  if (!of_bootstrap.empty()) return order_about_the_budget(of_bootstrap, raw);
  if (command == "bootstrap") return order_of_service<bootstrap::BootstrapConfig>(raw, file, data, variable);
  if (command == "doctor") return order_of_doctor(raw, file, data, variable);
  if (command == "add") return order_of_add(raw, file);
  if (command == "verify") return order_of_verify(raw);
  if (command == "hash") return Order(HashOrder{raw.store, raw.layers});
  if (command == "id") return Order(IdOrder{});
  if (command == "ls" || command == "peers" || command == "transfers" || command == "status")
    return Order(ListOrder{command, raw.watch});
  return order_about_a_store(command, raw);
}

fs::path under_home(const std::string& text, const fs::path& home) {
  return text.starts_with("~/") ? home / text.substr(2) : fs::path(text);
}

Result<fs::path, std::string> data_folder(const std::string& command, const Raw& raw, const Settings& file,
                                          const fs::path& home) {
  if (!raw.data.empty()) return fs::path(raw.data);
  const auto named = file.find("data");
  if (named == file.end()) return home / (command == "bootstrap" ? ".dig-bootstrap" : ".dig");
  if (named->second.size() != 1 || named->second.front().empty()) return fail(raw.config + ": data takes one folder");
  return under_home(named->second.front(), home);
}

}  // namespace

std::variant<Invocation, Answer> parse_command_line(std::vector<std::string> arguments, const fs::path& home,
                                                    const connect::Variable& variable) {
  Raw raw;
  CLI::App app("Turnpike brings .dig stores to every peer that wants them, and checks every byte on the way.",
               "turnpike");
  describe(app, raw);
  if (!arguments.empty() && arguments.front() == "help") {  // "help get" is "get --help"
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  const std::string first = arguments.empty() ? "" : arguments.front();
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
  } catch (const CLI::Success& asked) {
    std::ostringstream out;
    app.exit(asked, out, out);
    return Answer{out.str(), kDone};
  } catch (const CLI::ParseError& error) {
    const auto commands = app.get_subcommands();
    const bool is_unknown = commands.empty() && !first.empty() && !first.starts_with('-');
    if (is_unknown) return wrong("there is no command \"" + first + "\"; see: turnpike --help");
    const std::string where = commands.empty() ? "" : commands.front()->get_name() + " ";
    return wrong(std::string(error.what()) + "; see: turnpike " + where + "--help");
  }

  const std::string command = app.get_subcommands().front()->get_name();
  Settings file;
  if (!raw.config.empty()) {
    auto read = read_config_file(raw.config);
    if (!read) return wrong(read.error());
    file = *std::move(read);
  }
  auto data = data_folder(command, raw, file, home);
  if (!data) return wrong(data.error());
  const auto below = app.get_subcommands().front()->get_subcommands();
  auto order = order_of(command, below.empty() ? "" : below.front()->get_name(), raw, file, *data, variable);
  if (!order) return wrong(order.error());
  return Invocation{*std::move(order), *std::move(data), raw.json};
}

}  // namespace turnpike::cli
