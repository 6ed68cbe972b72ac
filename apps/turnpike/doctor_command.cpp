#include "doctor_command.h"

#include <boost/asio/io_context.hpp>

#include "doctor_report.h"
#include "exit_code.h"
#include "io/loop/run.h"
#include "node_client.h"

namespace turnpike::cli {
namespace {

constexpr const char* kRedraw = "\r\x1b[K";

NodeStatus ask_status(const std::filesystem::path& data) {
  auto answer = ask_node(data, {{"command", "status"}});
  if (answer) return {*std::move(answer), {}};
  const bool absent = answer.error().code == kNotRunning;
  return {std::nullopt, absent ? "" : answer.error().text};
}

}  // namespace

int run_doctor(Console& console, const Invocation& invocation, const DoctorOrder& order) {
  const NodeStatus node = ask_status(invocation.data);
  io::Examination what{.bootstraps = order.node.bootstraps,
                       .pins = order.node.bootstrap_pins,
                       .proxies = order.node.proxies,
                       .port = {},
                       .trust_anyone = false};
  if (!node.status) what.port = order.node.port;
  if (what.bootstraps.empty()) {
    what.bootstraps = bootstraps_of(node);
    what.trust_anyone = true;
  }
  const bool quiet = invocation.json && !console.is_terminal;
  const auto tell = [&](const std::string& line) {
    if (quiet) return;
    console.err << (console.is_terminal ? kRedraw : "") << line << (console.is_terminal ? " …" : "\n") << std::flush;
  };
  boost::asio::io_context loop;
  const io::Examined found = io::run(loop, io::examine(std::move(what), tell));
  if (console.is_terminal) console.err << kRedraw << std::flush;
  const auto checks = diagnose(found, node);
  if (invocation.json) {
    print_json(console, report_json(checks));
  } else {
    console.out << report_text(checks) << std::flush;
  }
  return doctor::has_problem(checks) ? kProblems : kDone;
}

}  // namespace turnpike::cli
