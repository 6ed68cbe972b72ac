// The program: reads its command line and does one thing.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "bootstrap/run.h"
#include "bootstrap_commands.h"
#include "command_line.h"
#include "console.h"
#include "doctor_command.h"
#include "exit_code.h"
#include "folder_commands.h"
#include "node/run.h"
#include "node_commands.h"

namespace turnpike::cli {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Console console_of_this_process() {
  Console console{.out = std::cout, .err = std::cerr};
  console.is_terminal = ::isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) console.columns = size.ws_col;
  return console;
}

int run(Console& console, const Invocation& invocation) {
  return std::visit(Overloaded{[](const node::NodeConfig& config) { return node::run(config); },
                               [](const bootstrap::BootstrapConfig& config) { return bootstrap::run(config); },
                               [&](const BootstrapOrder& order) { return run_bootstrap(console, invocation, order); },
                               [&](const AddOrder& order) { return run_add(console, invocation, order); },
                               [&](const GetOrder& order) { return run_get(console, invocation, order); },
                               [&](const ListOrder& order) { return run_list(console, invocation, order); },
                               [&](const WhyOrder& order) { return run_why(console, invocation, order); },
                               [&](const PinOrder& order) { return run_pin(console, invocation, order); },
                               [&](const ShareOrder& order) { return run_share(console, invocation, order); },
                               [&](const UnwantOrder& order) { return run_unwant(console, invocation, order); },
                               [&](const VerifyOrder& order) { return run_verify(console, invocation, order); },
                               [&](const HashOrder& order) { return run_hash(console, invocation, order); },
                               [&](const IdOrder&) { return run_id(console, invocation); },
                               [&](const DoctorOrder& order) { return run_doctor(console, invocation, order); }},
                    invocation.order);
}

int run(std::vector<std::string> arguments) {
  const char* home = std::getenv("HOME");
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  auto parsed = parse_command_line(std::move(arguments), home != nullptr ? home : "/", variable);
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    (answer->code == kDone ? std::cout : std::cerr) << answer->text;
    return answer->code;
  }
  Console console = console_of_this_process();
  return run(console, std::get<Invocation>(parsed));
}

}  // namespace
}  // namespace turnpike::cli

int main(int argc, char** argv) { return turnpike::cli::run(std::vector<std::string>(argv + 1, argv + argc)); }
