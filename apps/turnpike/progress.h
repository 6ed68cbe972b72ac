// What `get` tells while it waits, and when it stops waiting.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/time.h"
#include "node_client.h"

namespace turnpike::cli {

/// Fed with the lines of the node's answer to `get`, at the times they came.
class Progress {
 public:
  /// How long nobody may announce the store before that is the answer.
  static constexpr Duration kFindPatience = std::chrono::seconds(30);

  Progress(Instant start, std::string store, Duration patience)
      : store_(std::move(store)), patience_(patience), moved_(start), found_(start) {}

  void handle_line(Instant now, const nlohmann::json& line);
  /// Set when there is no point in waiting on: kNotFound or kTimedOut.
  [[nodiscard]] std::optional<Refusal> verdict(Instant now) const;

  /// One line of at most `columns`: name, share, bar, bytes, rate, time left, rung.
  [[nodiscard]] std::string bar(int columns) const;
  /// The same without the bar, for a log.
  [[nodiscard]] std::string words() const;

 private:
  [[nodiscard]] std::string facts() const;
  void note_rungs(Instant now, const nlohmann::json& line);

  std::string store_;
  Duration patience_;
  Instant moved_;  ///< When the last new byte was seen.
  Instant found_;  ///< When somebody announced it, last.

  std::uint64_t bytes_ = 0;
  std::uint64_t total_ = 0;
  double rate_ = 0;
  std::string state_ = "asked for";
  std::string reason_;
  std::map<std::string, std::uint64_t> carried_;
  std::map<std::string, Instant> active_;  ///< Rungs, and when bytes last came by them.
  std::string rungs_;
};

}  // namespace turnpike::cli
