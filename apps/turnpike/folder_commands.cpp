#include "folder_commands.h"

#include <fcntl.h>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "base/hex.h"
#include "copy_file.h"
#include "core/identity/peer_id.h"
#include "crypto/random.h"
#include "exit_code.h"
#include "io/control/data_folder.h"
#include "io/disk/catalogue_db.h"
#include "io/disk/hash_file.h"
#include "io/disk/temporary.h"
#include "io/state/state_db.h"
#include "node/memory.h"
#include "node_client.h"
#include "show.h"
#include "text.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Hashing.

struct Hashed {
  merkle::Tree tree;
  io::FileStamp stamp;
};

Result<Hashed, Refusal> hash_whole(const fs::path& file) {
  const io::FileHandle fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(Refusal{errno == ENOENT ? kNotFound : kFailed, file.string() + ": " + std::strerror(errno)});
  const auto stamp = io::stamp_of(fd.get());
  if (!stamp || !fs::is_regular_file(file)) return fail(Refusal{kFailed, file.string() + " is no regular file"});
  if (!store::Content{stamp->size, {}}.is_valid()) {
    return fail(Refusal{kDataInvalid,
                        file.string() + " has " + std::to_string(stamp->size) + " bytes; a store has 1 byte to 1 TiB"});
  }
  io::FileHashing hashing(fd.get(), stamp->size);
  for (;;) {
    const auto step = hashing.step();
    if (!step) return fail(Refusal{kFailed, file.string() + ": " + std::string(io::to_string(step.error()))});
    if (*step) break;
  }
  return Hashed{hashing.finish(), *stamp};
}

// Adding.

fs::path state_path(const fs::path& data) { return io::state_folder(data) / "state.db"; }

struct Addition {
  fs::path file;
  store::StoreId id;
};

Result<Addition, Refusal> addition_of(const fs::path& file, const std::optional<store::StoreId>& id) {
  const std::string name = file.filename().string();
  auto store = store::StoreId::from_file_name(name);
  if (!store) store = store::StoreId::parse(name);
  if (store && id && *store != *id) {
    return fail(
        Refusal{kUsage, file.string() + ": its name is another store's id than --id; rename it, or leave --id out"});
  }
  if (!store) store = id;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) {
    const int code = error == std::errc::no_such_file_or_directory ? kNotFound : kFailed;
    return fail(Refusal{code, file.string() + ": " + error.message()});
  }
  if (!store) return fail(Refusal{kUsage, file.string() + ": its name is no store id; name the id with --id ID"});
  if (!store::Content{size, {}}.is_valid()) {
    return fail(
        Refusal{kDataInvalid, file.string() + " has " + std::to_string(size) + " bytes; a store has 1 byte to 1 TiB"});
  }
  return Addition{file, *store};
}

Result<std::vector<Addition>, Refusal> additions_of(const AddOrder& order) {
  std::vector<Addition> out;
  std::set<store::StoreId> seen;
  for (const fs::path& file : order.files) {
    auto addition = addition_of(file, order.id);
    if (!addition) return fail(addition.error());
    if (!seen.insert(addition->id).second) {
      return fail(Refusal{kUsage, "two of the files are to become store " + addition->id.to_string()});
    }
    out.push_back(*std::move(addition));
  }
  return out;
}

std::optional<Refusal> check_space(const fs::path& data, const Addition& addition, std::uint64_t reserve) {
  const auto free = io::system_file_ops().free_space(data);
  std::error_code error;
  const std::uintmax_t size = fs::file_size(addition.file, error);
  if (!free || error || (*free >= reserve && *free - reserve >= size)) return std::nullopt;
  return Refusal{kFailed, "no space for store " + addition.id.to_string() + ": it has " + std::to_string(size) +
                              " bytes, " + std::to_string(*free) + " are free and " + std::to_string(reserve) +
                              " are kept in reserve (--reserve)"};
}

/// Tells the database, and the node where one runs, that a store is (not) private. The database first: a node that
/// starts in between reads it there.
std::optional<Refusal> set_private(const fs::path& data, node::Memory& memory, const store::StoreId& id,
                                   bool is_private) {
  if (!memory.set_private(id, is_private)) {
    return Refusal{kFailed, "the state of " + data.string() + " cannot be written: see its permissions, and the disk"};
  }
  const auto told = ask_node(data, {{"command", "share"}, {"store", id.to_string()}, {"on", !is_private}});
  if (!told && told.error().code != kNotRunning) return told.error();
  return std::nullopt;
}

std::optional<Refusal> add_one(const fs::path& data, node::Memory& memory, const Addition& addition,
                               const AddOrder& order) {
  const fs::path target = data / addition.id.file_name();
  if (order.make_private) {
    if (auto refusal = set_private(data, memory, addition.id, true)) return refusal;
  }
  std::error_code ignored;
  if (fs::equivalent(addition.file, target, ignored)) return std::nullopt;
  if (auto refusal = check_space(data, addition, order.reserve)) return refusal;
  const auto temporary = io::TemporaryFile::create(data);
  if (!temporary) return Refusal{kFailed, data.string() + ": " + std::string(io::to_string(temporary.error()))};
  CopyExtras extras;
  extras.before_it_takes_its_name = [&]() -> std::optional<CopyError> {
    // A node takes other bytes than those it fetched for damage, unless it is the owner who puts them there.
    if (const auto stamp = io::stamp_of_path(temporary->path())) memory.remember_given(addition.id, *stamp);
    return std::nullopt;
  };
  const auto error =
      copy_file(addition.file, target, temporary->path(), order.replace ? Existing::kReplace : Existing::kKeep, extras);
  if (!error || (error->exists && equal_files(addition.file, target))) return std::nullopt;
  if (!error->exists) return Refusal{error->code, error->text};
  return Refusal{kFailed, "store " + addition.id.to_string() +
                              " is there already, with other bytes; add --replace to put these in its place"};
}

// Verifying.

using Expectations = std::map<store::StoreId, store::Content>;

std::optional<Expectations> what_the_node_holds(const fs::path& data) {
  const auto answer = ask_node(data, {{"command", "ls"}});
  if (!answer) return std::nullopt;
  Expectations out;
  for (const json& row : rows_at(*answer, "stores")) {
    const auto id = store::StoreId::parse(text_at(row, "store"));
    const auto root = digest_from_hex(text_at(row, "root"));
    if (id && root && text_at(row, "state") == "complete") out[*id] = {count_at(row, "size"), *root};
  }
  return out;
}

Expectations what_was_hashed(const fs::path& data) {
  if (auto held = what_the_node_holds(data)) return *std::move(held);
  Expectations out;
  const fs::path database = data / ".turnpike" / "catalogue.db";
  if (!fs::exists(database)) return out;
  for (const auto& [id, row] : io::CatalogueDb(database).load()) out[id] = row.content;
  return out;
}

Result<std::vector<store::StoreId>, Refusal> stores_of(const fs::path& data) {
  std::error_code error;
  std::set<store::StoreId> out;
  fs::directory_iterator entries(data, error);
  if (error)
    return fail(Refusal{error == std::errc::no_such_file_or_directory ? kNotFound : kFailed,
                        data.string() + ": " + error.message()});
  for (const auto& entry : entries) {
    if (const auto id = store::StoreId::from_file_name(entry.path().filename().string())) out.insert(*id);
  }
  return std::vector(out.begin(), out.end());
}

struct Verdict {
  int code = kDone;
  json row;
};

Verdict verify_one(const fs::path& data, const store::StoreId& id, const std::optional<store::Content>& expected) {
  json row{{"store", id.to_string()}, {"size", nullptr}, {"root", nullptr}, {"ok", false}, {"reason", nullptr}};
  const auto hashed = hash_whole(data / id.file_name());
  if (!hashed) {
    row["reason"] = hashed.error().text;
    return {hashed.error().code, row};
  }
  const store::Content& content = hashed->tree.content;
  row["size"] = content.size;
  row["root"] = to_hex(content.root);
  if (!expected) {
    row["ok"] = nullptr;
    row["reason"] = "nothing to compare with: it was never hashed here before";
    return {kDone, row};
  }
  row["ok"] = content == *expected;
  if (content == *expected) return {kDone, row};
  row["reason"] =
      "damaged, or another content: it should be " + std::to_string(expected->size) + ":" + to_hex(expected->root);
  return {kDataInvalid, row};
}

std::string words_of(const json& row) {
  if (row["ok"].is_null()) return "unknown";
  return row["ok"].get<bool>() ? "ok" : "BAD";
}

}  // namespace

int run_add(Console& console, const Invocation& invocation, const AddOrder& order) {
  const auto additions = additions_of(order);
  if (!additions) return complain(console, additions.error().text, additions.error().code);
  if (const auto made = io::make_data_folder(invocation.data); !made)
    return complain(console, made.error().text, kFailed);
  io::remove_abandoned_files(invocation.data);
  const auto state = io::StateDb::open(state_path(invocation.data));
  if (!state) return complain(console, state.error().text, kFailed);
  node::Memory memory(**state);
  json rows = json::array();
  for (const Addition& addition : *additions) {
    if (const auto refusal = add_one(invocation.data, memory, addition, order))
      return complain(console, refusal->text, refusal->code);
    const fs::path path = invocation.data / addition.id.file_name();
    rows.push_back({{"store", addition.id.to_string()}, {"size", fs::file_size(path)}, {"path", path.string()}});
  }
  const bool told = bool(ask_node(invocation.data, {{"command", "rescan"}}));
  for (json& row : rows) {
    row["node"] = told ? "told" : "not running";
    if (!invocation.json) {
      console.out << "added " << text_at(row, "store") << " (" << format_bytes(count_at(row, "size")) << ")"
                  << (told ? "; the node hashes it, then lists and serves it" : "; it will be served when a node runs")
                  << "\n";
    }
  }
  if (invocation.json) print_json(console, rows);
  return kDone;
}

int run_share(Console& console, const Invocation& invocation, const ShareOrder& order) {
  if (const auto made = io::make_data_folder(invocation.data); !made)
    return complain(console, made.error().text, kFailed);
  const auto state = io::StateDb::open(state_path(invocation.data));
  if (!state) return complain(console, state.error().text, kFailed);
  node::Memory memory(**state);
  if (const auto refusal = set_private(invocation.data, memory, order.store, !order.on))
    return complain(console, refusal->text, refusal->code);
  if (invocation.json) {
    print_json(console, {{"store", order.store.to_string()}, {"shared", order.on}});
  } else {
    console.out << order.store.to_string() << (order.on ? " is shared" : " is private: nobody is told of it") << "\n";
  }
  return kDone;
}

int run_hash(Console& console, const Invocation& invocation, const HashOrder& order) {
  const auto hashed = hash_whole(order.file);
  if (!hashed) return complain(console, hashed.error().text, hashed.error().code);
  const merkle::Tree& tree = hashed->tree;
  if (invocation.json) {
    json out{{"file", order.file.string()}, {"size", tree.content.size}, {"root", to_hex(tree.content.root)}};
    if (order.layers) {
      out["pieces"] = json::array();
      for (const Digest& piece : tree.layer) out["pieces"].push_back(to_hex(piece));
    }
    print_json(console, out);
    return kDone;
  }
  console.out << tree.content.size << ":" << to_hex(tree.content.root) << "  " << order.file.string() << "\n";
  if (!order.layers) return kDone;
  for (std::size_t i = 0; i < tree.layer.size(); ++i) console.out << i << "  " << to_hex(tree.layer[i]) << "\n";
  return kDone;
}

int run_verify(Console& console, const Invocation& invocation, const VerifyOrder& order) {
  std::vector<store::StoreId> stores = order.stores;
  if (stores.empty()) {
    auto found = stores_of(invocation.data);
    if (!found) return complain(console, found.error().text, found.error().code);
    stores = *std::move(found);
  }
  Expectations expectations;
  if (order.expected) {
    expectations[stores.front()] = *order.expected;
  } else {
    expectations = what_was_hashed(invocation.data);
  }

  int code = kDone;
  json rows = json::array();
  std::size_t bad = 0;
  for (const store::StoreId& id : stores) {
    const auto expected = expectations.find(id);
    const Verdict verdict = verify_one(invocation.data, id,
                                       expected == expectations.end() ? std::nullopt : std::optional(expected->second));
    // Damage outranks absence, and both outrank trouble of this machine.
    if (verdict.code != kDone && (code == kDone || verdict.code > code)) code = verdict.code;
    bad += verdict.code == kDone ? 0U : 1U;
    if (!invocation.json) {
      console.out << id.to_string() << "  " << words_of(verdict.row) << "  " << text_at(verdict.row, "reason")
                  << std::endl;
    }
    rows.push_back(verdict.row);
    // A node that runs looks for itself, puts the file aside and fetches the store again.
    if (verdict.code == kDataInvalid && !order.expected)
      std::ignore = ask_node(invocation.data, {{"command", "recheck"}, {"store", id.to_string()}});
  }
  if (invocation.json) print_json(console, rows);
  if (bad == 0) return kDone;
  return complain(console,
                  std::to_string(bad) + " of " + std::to_string(stores.size()) + " stores are not as they should be",
                  code);
}

int run_id(Console& console, const Invocation& invocation) {
  crypto::SecureRandom random;
  const auto key = io::load_identity(invocation.data, random);
  if (!key) return complain(console, key.error().text, kFailed);
  const std::string id = identity::PeerId{key->public_key()}.to_string();
  if (invocation.json) {
    print_json(console, {{"peer_id", id}});
  } else {
    console.out << id << "\n";
  }
  return kDone;
}

}  // namespace turnpike::cli
