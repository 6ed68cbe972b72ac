// Asks peers that came to us to try our doors (AutoNAT v2), and tells the brain what was proved so.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "core/autonat/survey.h"
#include "io/host/autonat.h"
#include "node/brain.h"

namespace turnpike::node {

namespace asio = boost::asio;

/// All on the loop; all references outlive its run.
class ReachSurvey {
 public:
  ReachSurvey(asio::any_io_executor loop, io::Host& host, Brain& brain, Random& random);

  /// From now on others are answered, whoever asks.
  void serve() { autonat_.serve(); }
  /// Asks somebody, if there is something to ask and somebody to be asked. To be called every second or so.
  void look();
  void stop() { stopping_ = true; }

 private:
  [[nodiscard]] asio::awaitable<void> ask(std::shared_ptr<io::HostConnection> connection, Endpoint door);

  asio::any_io_executor loop_;
  io::Host& host_;
  Brain& brain_;
  io::Autonat autonat_;
  autonat::Survey survey_;
  bool stopping_ = false;
};

}  // namespace turnpike::node
