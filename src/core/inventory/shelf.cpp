#include "core/inventory/shelf.h"

#include <algorithm>

namespace turnpike::inventory {

void Shelf::set(std::vector<store::Manifest> stores) {
  std::ranges::sort(stores, {}, &store::Manifest::id);
  if (stores.size() > kMaxStores) stores.resize(kMaxStores);
  std::vector<store::StoreId> lost;
  for (const auto& [id, held] : here_) {
    if (!std::ranges::binary_search(stores, id, {}, &store::Manifest::id)) lost.push_back(id);
  }
  for (const store::StoreId& id : lost) {
    const auto at = here_.find(id);
    changes_.erase(at->second.version);
    here_.erase(at);
    changes_[++version_] = {.store = id, .content = {}};
    gone_[id] = version_;
    gone_order_[version_] = id;
  }
  for (const store::Manifest& each : stores) {
    Held& held = here_[each.id];
    if (held.version != 0 && held.content == each.content) continue;
    if (held.version != 0) changes_.erase(held.version);
    if (const auto back = gone_.find(each.id); back != gone_.end()) {
      changes_.erase(back->second);
      gone_order_.erase(back->second);
      gone_.erase(back);
    }
    held = {.content = each.content, .version = ++version_};
    changes_[version_] = {.store = each.id, .content = each.content};
  }
  while (gone_.size() > kMaxGone) {
    const auto oldest = gone_order_.begin();
    floor_ = oldest->first;
    changes_.erase(oldest->first);
    gone_.erase(oldest->second);
    gone_order_.erase(oldest);
  }
}

Page Shelf::page(std::uint64_t since) const {
  Page page{.epoch = epoch_, .from = since, .to = since, .more = false, .stores = {}, .gone = {}};
  for (auto at = changes_.upper_bound(since); at != changes_.end(); ++at) {
    if (page.stores.size() + page.gone.size() == kPageChanges) {
      page.more = true;
      return page;
    }
    if (at->second.content) {
      page.stores.push_back({.id = at->second.store, .content = *at->second.content});
    } else if (since != 0) {
      page.gone.push_back(at->second.store);
    }
    page.to = at->first;
  }
  page.to = version_;
  return page;
}

std::optional<Page> Teller::next(const Shelf& shelf) {
  // In a listing what was lost before it began was never told, and need not be told of.
  const bool knows_losses = at_ >= shelf.floor() || listing_ == shelf.floor();
  const bool goes_on = epoch_ == shelf.epoch() && at_ <= shelf.version() && knows_losses;
  if (goes_on && told_ && at_ == shelf.version()) return std::nullopt;
  if (!goes_on || at_ == 0) listing_ = shelf.floor();
  Page page = shelf.page(goes_on ? at_ : 0);
  if (!page.more) listing_.reset();
  epoch_ = page.epoch;
  at_ = page.to;
  told_ = true;
  return page;
}

}  // namespace turnpike::inventory
