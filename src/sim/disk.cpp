#include "sim/disk.h"

namespace turnpike::sim {

std::vector<bool> Disk::open(const sync::Target& target) {
  Partial& partial = partials_[target];
  partial.open = true;
  std::vector<bool> verified(target.content.piece_count());
  crypto::LeafHasher hasher;
  for (auto at = partial.pieces.begin(); at != partial.pieces.end();) {
    const auto& [piece, written] = *at;
    const bool good =
        written.settled ||
        (!partial.layer.empty() &&
         merkle::verify_piece(hasher, target.content, piece, partial.layer[piece], written.data).operator bool());
    if (good) {
      verified[piece] = true;
      at->second.settled = true;
      ++at;
    } else {
      at = partial.pieces.erase(at);
    }
  }
  return verified;
}

void Disk::close(const sync::Target& target, bool discard) {
  const auto at = partials_.find(target);
  if (at == partials_.end()) return;
  at->second.open = false;
  for (auto& [piece, written] : at->second.pieces) written.settled = true;  // closed in good order: synced
  if (discard) partials_.erase(at);
}

void Disk::set_layer(const sync::Target& target, std::vector<Digest> layer) {
  partials_[target].layer = std::move(layer);
}

std::optional<sync::DiskFailure> Disk::write(Instant now, const sync::Target& target, std::uint32_t piece,
                                             ByteView data) {
  if (failure_) return sync::DiskFailure{.error = *failure_, .detail = "as the scenario has it"};
  partials_[target].pieces[piece] = {.data = copy_of(data), .at = now};
  return std::nullopt;
}

bool Disk::is_verified(const sync::Target& target, std::uint32_t piece) const {
  const auto at = partials_.find(target);
  return at != partials_.end() && at->second.pieces.contains(piece);
}

bool Disk::is_open(const sync::Target& target) const {
  const auto at = partials_.find(target);
  return at != partials_.end() && at->second.open;
}

std::optional<sync::DiskFailure> Disk::commit(const sync::Target& target, sync::Mark mark) {
  if (failure_) return sync::DiskFailure{.error = *failure_, .detail = "as the scenario has it"};
  const auto at = partials_.find(target);
  if (at == partials_.end() || at->second.pieces.size() != target.content.piece_count()) {
    return sync::DiskFailure{.error = sync::DiskError::kIo, .detail = "it is not whole"};
  }
  Complete whole{.content = target.content, .mark = mark, .data = {}};
  for (const auto& [piece, written] : at->second.pieces) {
    whole.data.insert(whole.data.end(), written.data.begin(), written.data.end());
  }
  partials_.erase(at);
  complete_[target.store] = std::move(whole);
  return std::nullopt;
}

const Disk::Complete* Disk::find(const store::StoreId& store) const {
  const auto at = complete_.find(store);
  return at == complete_.end() ? nullptr : &at->second;
}

void Disk::process_killed() {
  for (auto& [target, partial] : partials_) partial.open = false;
}

void Disk::power_lost(Instant now, Random& dice) {
  for (auto& [target, partial] : partials_) {
    partial.open = false;
    for (auto at = partial.pieces.begin(); at != partial.pieces.end();) {
      Written& written = at->second;
      if (now - written.at >= kCheckpointPeriod) written.settled = true;
      const std::uint64_t fate = written.settled ? 0 : dice.below(3);
      if (fate == 1) written.data[dice.below(written.data.size())] ^= 0x5aU;
      at = fate == 2 ? partial.pieces.erase(at) : std::next(at);
    }
  }
}

}  // namespace turnpike::sim
