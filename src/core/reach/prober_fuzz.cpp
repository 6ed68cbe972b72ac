// Orders of bootstraps that mean no good: nothing private is dialled, no more than the limits allow, and every report
// is of an order.
#include <cstdlib>
#include <set>

#include "core/reach/prober.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::reach;
  Prober prober;
  Instant now{std::chrono::hours(1)};
  const Instant start = now;
  std::set<std::pair<std::size_t, std::uint64_t>> orders;
  std::vector<std::uint64_t> ids;
  std::size_t dialled = 0;
  std::uint64_t last = 0;
  ByteReader in(ByteView(data, std::min<std::size_t>(size, 600)));
  while (in.remaining() >= 4) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    const std::uint8_t b = in.u8();
    const std::uint8_t c = in.u8();
    if (action % 4 == 0) {
      const IpAddress to = IpAddress::v4(a, b, c, action);
      const std::uint64_t number = ++last;
      orders.emplace(c % 3, number);
      prober.handle_order(now, c % 3, number,
                          {rendezvous::ServiceKind::kHttp, {to, static_cast<std::uint16_t>(a * 256 + b)}}, {});
    } else if (action % 4 == 1 && !ids.empty()) {
      prober.handle_dialled(now, ids[a % ids.size()], static_cast<rendezvous::ProbeOutcome>(1 + b % 3));
    } else if (action % 4 == 2) {
      prober.handle_link_down(a % 3);
    } else {
      now += std::chrono::milliseconds(a) * b;
      prober.handle_timeout(now);
      must(!prober.poll_timeout() || *prober.poll_timeout() > now);
    }
    while (const auto dial = prober.poll_dial()) {
      must(dial->target.endpoint.address.is_global() && dial->target.endpoint.port != 0);
      ids.push_back(dial->id);
      ++dialled;
    }
    while (const auto report = prober.poll_report()) must(orders.erase({report->bootstrap, report->number}) == 1);
    must(prober.dials() <= kMaxDials);
  }
  const auto seconds = static_cast<std::size_t>((now - start) / std::chrono::seconds(1)) + 1;
  must(dialled <= kDialRate.burst + kDialRate.per_second * seconds);
  return 0;
}
