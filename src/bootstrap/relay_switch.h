// Joins the two ends of each relay session, WebSockets or this process itself, and moves their bytes as the brain's
// ledger of sessions allows.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>

#include "bootstrap/brain.h"
#include "io/http/message.h"

namespace turnpike::bootstrap {

/// Memory: two pump buffers a session, whatever its ends do. Must outlive the connections it serves.
class RelaySwitch final : public RelayWatcher {
 public:
  explicit RelaySwitch(asio::any_io_executor loop, Brain& brain);

  /// GET /v1/relay/<session>: checks the credential, and answers with the upgrade or says what is wrong.
  [[nodiscard]] io::http::Response answer(const io::http::Request& request);

  /// Takes an end of a session for this process itself, by a pipe within it. False where the credential does not open
  /// it, or no longer; the pipe is closed then.
  [[nodiscard]] bool sit_down(const relay::SessionId& session, const relay::Credential& credential,
                              std::unique_ptr<io::BytePipe> pipe);
  void session_ended(const relay::Ended& ended) override;
  /// Cuts every session: the bootstrap is going down.
  void close_all();

 private:
  struct Meeting;

  [[nodiscard]] asio::awaitable<void> attend(relay::SessionId session, relay::Side side,
                                             std::unique_ptr<io::BytePipe> pipe);
  [[nodiscard]] asio::awaitable<void> pump(relay::SessionId session, std::shared_ptr<Meeting> meeting);
  void leave(relay::SessionId session);

  asio::any_io_executor loop_;
  Brain& brain_;
  std::map<relay::SessionId, std::shared_ptr<Meeting>> meetings_;
};

}  // namespace turnpike::bootstrap
