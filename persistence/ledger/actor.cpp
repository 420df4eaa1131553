#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/lane_figures.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "supervisors/reply_once.hpp"

namespace tk {

/// What the ledger says to itself.
struct lane_timer {
  lane_id lane = lane_id::sales0;
  uint64_t generation = 0;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::lane_timer)

namespace tk {

namespace {

using ledger_self = ledger_actor::extend<caf::reacts_to<lane_timer>>;

/// Promises by number, so that the core needs to know nothing of them.
template <class T> class promise_table {
public:
  asker_no put(reply_ptr<T> x) {
    if (free_.empty()) {
      rows_.push_back(std::move(x));
      return static_cast<asker_no>(rows_.size() - 1);
    }
    const auto no = free_.back();
    free_.pop_back();
    rows_[no] = std::move(x);
    return no;
  }

  void deliver(asker_no no, T x) {
    rows_[no]->deliver(std::move(x));
    rows_[no].reset();
    free_.push_back(no);
  }

  void fail_all(ec x) {
    for (auto& row : rows_)
      if (row) row->fail(x);
  }

private:
  std::vector<reply_ptr<T>> rows_;
  std::vector<asker_no> free_;
};

struct ledger_state {
  static inline const char* name = "tiketi.ledger";
  ledger_core core{ledger_config{}};
  millis driver_timeout{0};
  std::vector<ledger_driver_actor> drivers;
  const wall_clock* clock = nullptr;
  ledger_probe* probe = nullptr;
  lane_table* lanes = nullptr; ///< Null: nobody looks at them.
  promise_table<verdict> verdicts;
  promise_table<barrier_passed> barriers;
  ledger_effects fx; ///< Kept for its memory; empty between two messages.

  ledger_state() = default;
  ledger_state(const ledger_state&) = delete;
  ledger_state& operator=(const ledger_state&) = delete;
  ~ledger_state() {
    // Whoever still waits must not take the end of this actor for a refusal.
    verdicts.fail_all(ec::unknown);
    barriers.fail_all(ec::unknown);
  }
};

using ledger_ptr = ledger_self::stateful_pointer<ledger_state>;

constexpr auto relaxed = std::memory_order_relaxed;

template <class Sizes> void count_size(Sizes& sizes, size_t size) {
  size_t bucket = 0;
  while (bucket + 1 < sizes.size() && (size_t{1} << bucket) < size) ++bucket;
  sizes[bucket].fetch_add(1, relaxed);
}

lane_counts* counts_of(const ledger_state& st, lane_id lane) {
  return st.lanes ? &(*st.lanes)[static_cast<size_t>(lane)] : nullptr;
}

void count_batch(const ledger_state& st, const send_batch& x) {
  const auto size = x.what->ops.size();
  if (st.probe != nullptr) {
    auto& lane = st.probe->lanes[static_cast<size_t>(x.lane)];
    lane.batches.fetch_add(1, relaxed);
    lane.ops.fetch_add(size, relaxed);
    count_size(st.probe->batch_sizes, size);
  }
  if (auto counts = counts_of(st, x.lane)) count_size(counts->batch_sizes, size);
}

/// The clock may be set back meanwhile.
void count_time(lane_counts& lane, millis took) {
  const auto ms = std::max<int64_t>(took.count(), 0);
  const auto i = std::ranges::lower_bound(lane_counts::times_ms, ms);
  lane.times[static_cast<size_t>(i - lane_counts::times_ms.begin())].fetch_add(1, relaxed);
  lane.time_ms.fetch_add(static_cast<uint64_t>(ms), relaxed);
}

void count_verdict(const ledger_state& st, lane_id lane, outcome is) {
  const auto i = static_cast<size_t>(is);
  if (st.probe != nullptr) st.probe->verdicts[i].fetch_add(1, relaxed);
  if (auto counts = counts_of(st, lane)) counts->verdicts[i].fetch_add(1, relaxed);
}

void count_lanes(ledger_probe& probe, const ledger_core& core) {
  for (size_t i = 0; i < lane_count; ++i) {
    probe.lanes[i].depth.store(core.depth(static_cast<lane_id>(i)), relaxed);
    probe.lanes[i].down.store(core.down(static_cast<lane_id>(i)), relaxed);
  }
  probe.batch_aborts.store(core.batch_aborts(), relaxed);
}

/// `lane`: of whatever has just happened; what is delivered now is its ops.
void carry_out(ledger_ptr self, lane_id lane);

void on_executed(ledger_ptr self, lane_id lane, uint64_t ticket, instant sent_at,
                 const batch_result& x) {
  auto& st = self->state;
  const auto now = st.clock->now();
  const auto aborts = st.core.batch_aborts();
  st.core.executed(lane, ticket, x, now, st.fx);
  if (auto counts = counts_of(st, lane)) {
    count_time(*counts, now - sent_at);
    counts->aborts.fetch_add(st.core.batch_aborts() - aborts, relaxed);
  }
  carry_out(self, lane);
}

void send_to_driver(ledger_ptr self, send_batch& x) {
  auto& st = self->state;
  const auto lane = x.lane;
  const auto ticket = x.ticket;
  const auto no = static_cast<size_t>(lane);
  count_batch(st, x);
  if (no >= st.drivers.size() || !st.drivers[no]) {
    batch_result nobody;
    nobody.is = batch_status::not_connected;
    return st.core.executed(lane, ticket, nobody, st.clock->now(), st.fx);
  }
  const auto at = st.clock->now();
  self->request(st.drivers[no], st.driver_timeout, execute_batch{ticket, std::move(x.what)})
    .then(
      [=](const batch_executed& y) {
        on_executed(self, lane, y.ticket, at, y.result ? *y.result : batch_result{});
      },
      // A timeout, a driver that died: nobody knows what became of the batch.
      [=](caf::error&) { on_executed(self, lane, ticket, at, batch_result{}); });
}

/// Drivers first, so that they work while the answers go out.
void carry_out(ledger_ptr self, lane_id lane) {
  auto& st = self->state;
  for (size_t i = 0; i < st.fx.sends.size(); ++i) {
    auto x = std::move(st.fx.sends[i]);
    send_to_driver(self, x);
  }
  for (auto& x : st.fx.deliveries) {
    count_verdict(st, lane, x.what.is);
    st.verdicts.deliver(x.asker, std::move(x.what));
  }
  for (auto& x : st.fx.timers) self->delayed_send(self, x.after, lane_timer{x.lane, x.generation});
  for (auto& x : st.fx.barriers) st.barriers.deliver(x.asker, barrier_passed{x.shard});
  st.fx.clear();
  if (st.probe != nullptr) count_lanes(*st.probe, st.core);
}

caf::typed_response_promise<verdict> on_submit(ledger_ptr self, const submit& x) {
  auto& st = self->state;
  auto reply = promise_reply<verdict>(self);
  auto rp = reply->rp;
  st.core.admit(st.verdicts.put(std::move(reply)), x, st.clock->now(), st.fx);
  carry_out(self, x.what ? lane_of(*x.what) : lane_id::sales0);
  return rp;
}

caf::typed_response_promise<barrier_passed> on_barrier(ledger_ptr self, const barrier& x) {
  auto& st = self->state;
  auto reply = promise_reply<barrier_passed>(self);
  auto rp = reply->rp;
  st.core.wait(st.barriers.put(std::move(reply)), x, st.fx);
  carry_out(self, lane_id::sales0); // Nothing is delivered.
  return rp;
}

void on_timer(ledger_ptr self, const lane_timer& x) {
  auto& st = self->state;
  st.core.tick(x.lane, x.generation, st.clock->now(), st.fx);
  carry_out(self, x.lane);
}

ledger_self::behavior_type ledger(ledger_ptr self, const ledger_config& config,
                                  std::vector<ledger_driver_actor> drivers, const wall_clock* clock,
                                  ledger_probe* probe, lane_table* lanes) {
  auto& st = self->state;
  st.core = ledger_core{config};
  st.driver_timeout = config.driver_timeout;
  st.drivers = std::move(drivers);
  st.clock = clock;
  st.probe = probe;
  st.lanes = lanes;
  return {
    [=](const submit& x) { return on_submit(self, x); },
    [=](const barrier& x) { return on_barrier(self, x); },
    [=](const lane_timer& x) { on_timer(self, x); },
  };
}

} // namespace

ledger_actor spawn_ledger(caf::actor_system& system, const ledger_config& config,
                          std::vector<ledger_driver_actor> drivers, const wall_clock& clock,
                          ledger_probe* probe) {
  return system.spawn(ledger, config, std::move(drivers), &clock, probe,
                      static_cast<lane_table*>(nullptr));
}

ledger_actor spawn_ledger(caf::actor_system& system, const ledger_config& config,
                          std::vector<ledger_driver_actor> drivers, const wall_clock& clock,
                          ledger_probe& probe, lane_table& lanes) {
  return system.spawn(ledger, config, std::move(drivers), &clock, &probe, &lanes);
}

} // namespace tk
