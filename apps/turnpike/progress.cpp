#include "progress.h"

#include <algorithm>

#include "exit_code.h"
#include "show.h"
#include "text.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;

// A rung over which nothing came for this long is no longer shown as the one in use.
constexpr Duration kRungShown = std::chrono::seconds(2);

}  // namespace

void Progress::handle_line(Instant now, const json& line) {
  const std::uint64_t bytes = count_at(line, "bytes_verified");
  if (bytes > bytes_) moved_ = now;
  if (count_at(line, "announcers") > 0 || bytes > 0) found_ = now;
  bytes_ = bytes;
  total_ = count_at(line, "size");
  rate_ = number_at(line, "bytes_per_second");
  state_ = text_at(line, "state", "asked for");
  reason_ = text_at(line, "reason");
  note_rungs(now, line);
}

void Progress::note_rungs(Instant now, const json& line) {
  if (line.contains("bytes_by_rung") && line["bytes_by_rung"].is_object()) {
    for (const auto& [rung, bytes] : line["bytes_by_rung"].items()) {
      const std::uint64_t count = count_at(line["bytes_by_rung"], rung.c_str());
      if (count > carried_[rung]) active_[rung] = now;
      carried_[rung] = count;
    }
  }
  rungs_.clear();
  for (const auto& [rung, when] : active_) {
    if (now - when <= kRungShown) rungs_ += (rungs_.empty() ? "" : "+") + rung;
  }
}

std::optional<Refusal> Progress::verdict(Instant now) const {
  const std::string why = reason_.empty() ? "" : " (" + reason_ + ")";
  if (now - moved_ >= patience_) {
    const std::string time = format_duration(std::chrono::duration<double>(patience_).count());
    return Refusal{kTimedOut, "no new byte of " + shorten(store_) + " for " + time + why +
                                  "; the node goes on trying, see: turnpike why " + store_};
  }
  // Only after a while can one say that nobody has it; whoever waits for less has merely not waited longer.
  if (bytes_ == 0 && now - found_ >= kFindPatience) {
    return Refusal{kNotFound, "nobody announces " + store_ + why + "; it stays wanted, and comes when somebody does"};
  }
  return std::nullopt;
}

std::string Progress::facts() const {
  if (total_ == 0) return state_ + (reason_.empty() ? "" : ": " + reason_);
  std::string out = format_bytes(bytes_) + " of " + format_bytes(total_);
  if (state_ != "fetching") return out + "  " + state_ + (reason_.empty() ? "" : ": " + reason_);
  out += "  " + format_rate(rate_);
  if (rate_ > 0)
    out += "  " + format_duration(static_cast<double>(total_ - std::min(bytes_, total_)) / rate_) + " left";
  return rungs_.empty() ? out : out + "  " + rungs_;
}

std::string Progress::words() const {
  const std::uint64_t share =
      total_ == 0 ? 0 : static_cast<std::uint64_t>(100.0 * static_cast<double>(bytes_) / static_cast<double>(total_));
  return shorten(store_) + "  " + std::to_string(share) + "%  " + facts();
}

std::string Progress::bar(int columns) const {
  constexpr int kWidth = 20;
  const double share = total_ == 0 ? 0 : std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(total_));
  const auto full = static_cast<std::size_t>(share * kWidth);
  std::string percent = std::to_string(static_cast<int>(share * 100)) + "%";
  percent.insert(0, 4 - std::min<std::size_t>(4, percent.size()), ' ');
  std::string out = store_.substr(0, 8) + " " + percent + " [" + std::string(full, '#') +
                    std::string(kWidth - full, '.') + "] " + facts();
  if (columns > 0 && out.size() > static_cast<std::size_t>(columns)) {
    std::size_t end = static_cast<std::size_t>(columns);
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) --end;  // not within a character
    out.resize(end);
  }
  return out;
}

}  // namespace turnpike::cli
