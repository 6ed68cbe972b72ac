#include "node_commands.h"

#include <unistd.h>

#include <thread>

#include "base/hex.h"
#include "copy_file.h"
#include "exit_code.h"
#include "io/loop/convert.h"
#include "node_client.h"
#include "progress.h"
#include "show.h"
#include "text.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A log gets a line this often at most; a terminal is redrawn with every line of the node's.
constexpr Duration kWordsPeriod = std::chrono::seconds(2);
constexpr std::chrono::seconds kWatchPeriod{1};
constexpr const char* kRedraw = "\r\x1b[K";

json value_of(const std::string& command, const json& answer) {
  const char* rows = command == "ls" ? "stores" : command.c_str();
  return command == "status" ? answer : rows_at(answer, rows);
}

std::string words_of(const std::string& command, const json& answer) {
  if (command == "ls") return show_ls(answer);
  if (command == "peers") return show_peers(answer);
  if (command == "transfers") return show_transfers(answer);
  return show_status(answer);
}

/// Shows Progress to whoever looks.
class Teller {
 public:
  Teller(Console& console, bool quiet) : console_(console), quiet_(quiet) {}
  ~Teller() { end(); }
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;

  void tell(Instant now, const Progress& progress) {
    if (quiet_) return;
    if (console_.is_terminal) {
      console_.err << kRedraw << progress.bar(console_.columns) << std::flush;
      drawn_ = true;
    } else if (!told_ || now - *told_ >= kWordsPeriod) {
      console_.err << progress.words() << std::endl;
      told_ = now;
    }
  }
  /// What comes next starts on a clean line.
  void end() {
    if (drawn_) console_.err << kRedraw << std::flush;
    drawn_ = false;
  }

 private:
  Console& console_;
  bool quiet_;
  bool drawn_ = false;
  std::optional<Instant> told_;
};

fs::path temporary_beside(const fs::path& target) {
  return target.parent_path() / ("." + target.filename().string() + ".turnpike-" + std::to_string(::getpid()));
}

int report_get(Console& console, const Invocation& invocation, const fs::path& path, const json& answer,
               double seconds) {
  if (invocation.json) {
    json out{{"store", answer.value("store", json())},
             {"size", answer.value("size", json())},
             {"root", answer.value("root", json())}};
    out["path"] = path.string();
    out["seconds"] = seconds;
    out["bytes_by_rung"] = answer.value("bytes_by_rung", json::object());
    print_json(console, out);
  } else {
    console.out << path.string() << "  " << format_bytes(count_at(answer, "size")) << " in " << format_duration(seconds)
                << "\n";
  }
  return kDone;
}

}  // namespace

int run_list(Console& console, const Invocation& invocation, const ListOrder& order) {
  for (;;) {
    const auto answer = ask_node(invocation.data, {{"command", order.command}});
    if (!answer) return complain(console, answer.error().text, answer.error().code);
    if (invocation.json) {
      print_json(console, value_of(order.command, *answer));
    } else {
      if (order.watch && console.is_terminal) console.out << "\x1b[H\x1b[2J";
      console.out << words_of(order.command, *answer) << std::flush;
    }
    if (!order.watch || !console.out) return kDone;
    std::this_thread::sleep_for(kWatchPeriod);
  }
}

int run_why(Console& console, const Invocation& invocation, const WhyOrder& order) {
  const auto answer = ask_node(invocation.data, {{"command", "why"}, {"store", order.store.to_string()}});
  if (!answer) return complain(console, answer.error().text, answer.error().code);
  if (invocation.json) {
    print_json(console, *answer);
  } else {
    console.out << show_why(*answer);
  }
  return kDone;
}

int run_pin(Console& console, const Invocation& invocation, const PinOrder& order) {
  json pin{{"store", order.store.to_string()}};
  if (order.content) {
    pin["size"] = order.content->size;
    pin["root"] = to_hex(order.content->root);
  }
  json request = pin;
  request["command"] = order.content ? "pin" : "unpin";
  const auto answer = ask_node(invocation.data, std::move(request));
  if (!answer) return complain(console, answer.error().text, answer.error().code);
  if (invocation.json) {
    print_json(console, pin);
  } else if (order.content) {
    console.out << "pinned " << order.store.to_string() << " to " << order.content->size << ":"
                << to_hex(order.content->root) << "\n";
  } else {
    console.out << order.store.to_string() << " is no longer pinned\n";
  }
  return kDone;
}

int run_unwant(Console& console, const Invocation& invocation, const UnwantOrder& order) {
  const std::string store = order.store.to_string();
  const auto answer = ask_node(invocation.data, {{"command", order.remove ? "rm" : "unwant"}, {"store", store}});
  if (!answer) return complain(console, answer.error().text, answer.error().code);
  if (invocation.json) {
    print_json(console, {{"store", store}});
  } else {
    console.out << store << (order.remove ? " is removed" : " is not wanted any more") << "; turnpike get "
                << (order.remove ? "brings it back" : "undoes it") << "\n";
  }
  return kDone;
}

int run_get(Console& console, const Invocation& invocation, const GetOrder& order) {
  const std::string store = order.store.to_string();
  const Instant start = io::now();
  const auto patience = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(order.timeout_seconds));
  Progress progress(start, store, patience);
  Teller teller(console, invocation.json && !console.is_terminal);
  const auto on_line = [&](const json& line) {
    progress.handle_line(io::now(), line);
    teller.tell(io::now(), progress);
    return progress.verdict(io::now());
  };
  const auto answer = ask_node(invocation.data, {{"command", "get"}, {"store", store}}, on_line);
  teller.end();
  if (!answer) return complain(console, answer.error().text, answer.error().code);

  fs::path path = text_at(*answer, "path");
  if (!order.output.empty()) {
    CopyExtras extras;
    const auto root = digest_from_hex(text_at(*answer, "root"));
    if (root) extras.expected = store::Content{count_at(*answer, "size"), *root};
    const auto error = copy_file(path, order.output, temporary_beside(order.output), Existing::kReplace, extras);
    if (error && error->code == kDataInvalid) {
      std::ignore = ask_node(invocation.data, {{"command", "recheck"}, {"store", store}});
      return complain(console,
                      error->text + "; the node looks after it, try again in a while, or see: turnpike why " + store,
                      kDataInvalid);
    }
    if (error)
      return complain(console, error->text + "; the store itself is complete at " + path.string(), error->code);
    path = order.output;
  }
  const double seconds = std::chrono::duration<double>(io::now() - start).count();
  return report_get(console, invocation, path, *answer, seconds);
}

}  // namespace turnpike::cli
