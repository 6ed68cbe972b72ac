#include "node_client.h"

#include <boost/asio/io_context.hpp>

#include "exit_code.h"
#include "io/control/client.h"
#include "io/control/data_folder.h"
#include "io/loop/run.h"

namespace turnpike::cli {
namespace {

namespace asio = boost::asio;
using nlohmann::json;
using Answered = Result<json, Refusal>;

Refusal refusal_of(const io::ControlError& error) {
  switch (error.fault) {
    case io::ControlFault::kNotRunning:
      return {kNotRunning, error.text};
    case io::ControlFault::kTimeout:
      return {kTimedOut, "the node does not answer; look at its log, or start it again"};
    case io::ControlFault::kClosed:
      return {kFailed, "the node went away before it answered; look at its log"};
    default:
      return {kFailed, error.text};
  }
}

Answered last_line(json line) {
  if (line.value("ok", false)) {
    line.erase("ok");
    line.erase("done");
    return line;
  }
  return fail(Refusal{line.value("exit", int{kFailed}), line.value("error", std::string("the node refused"))});
}

asio::awaitable<Answered> converse(std::filesystem::path socket, json request, OnLine on_line) {
  auto client = co_await io::ControlClient::connect(std::move(socket));
  if (!client) co_return fail(refusal_of(client.error()));
  const auto sent = co_await client->send(std::move(request));
  if (!sent) co_return fail(refusal_of(sent.error()));
  for (;;) {
    auto line = co_await client->receive(kAnswerPatience);
    if (!line) co_return fail(refusal_of(line.error()));
    if (line->value("done", false)) co_return last_line(*std::move(line));
    if (!on_line) continue;
    auto refusal = on_line(*line);
    if (refusal) co_return fail(*std::move(refusal));
  }
}

}  // namespace

Answered ask_node(const std::filesystem::path& data, json request, OnLine on_line) {
  asio::io_context loop;
  try {
    return io::run(loop, converse(io::control_socket_path(data), std::move(request), std::move(on_line)));
  } catch (const json::exception&) {
    return fail(Refusal{kFailed, "the node's answer is not understood; are node and command of one version?"});
  }
}

}  // namespace turnpike::cli
