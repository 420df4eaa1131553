#include "persistence/ledger/roster_driver.hpp"

#include <caf/all.hpp>

#include "persistence/ledger/roster_pg.hpp"
#include "supervisors/node_clock.hpp"

namespace tk {

namespace {

constexpr int beats_per_partition_check = 3600;
constexpr int partition_days = 3;
/// Half of a longer round trip is too much to be wrong by.
constexpr millis round_trip_max{200};

beaten beat(roster_pg& roster, const beat_once& x) {
  auto before = node_clock::machine_now();
  auto answer = roster.beat(x.drain, x.evened, x.unreached);
  auto after = node_clock::machine_now();
  beaten out;
  out.ok = answer.has_value();
  out.displaced = !answer && answer.error() == roster_error::displaced;
  if (answer) {
    out.of = *answer;
    out.measured = after - before <= round_trip_max;
    out.offset_ms = (answer->at - (before + (after - before) / 2)).count();
  }
  return out;
}

} // namespace

roster_driver_actor::behavior_type roster_driver(roster_driver_actor::pointer,
                                                 std::shared_ptr<roster_pg> roster) {
  auto beats = std::make_shared<int>(0);
  return {
    [roster, beats](const beat_once& x) {
      auto out = beat(*roster, x);
      if (out.ok && (*beats)++ % beats_per_partition_check == 0)
        roster->ensure_partitions(partition_days); // A failure is tried again in an hour; rows go
                                                   // to the default partition meanwhile.
      return out;
    },
  };
}

shard_taker_actor::behavior_type shard_taker(shard_taker_actor::pointer,
                                             std::shared_ptr<roster_pg> roster) {
  return {
    [roster](const take_free& x) {
      auto count = roster->take(x.most);
      return taken{count.has_value(), static_cast<int32_t>(count.value_or(0))};
    },
    [roster](const give_shard& x) { return roster->give(x); },
  };
}

} // namespace tk
