#include "persistence/projections/actor.hpp"

#include <utility>

#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 16;
/// Counted in one transaction: short enough to hold nobody up (H-16).
constexpr size_t portion_max = 1000;
constexpr size_t types_max = 64;

using projections_self = event_sink_actor::extend<caf::reacts_to<atom::tick>>;

struct projections_state {
  static inline const char* name = "tiketi.projections";
  pg_pool<projections_self::base> pool;
  projections_config config;
};
using projections_ptr = projections_self::stateful_pointer<projections_state>;

/// Refreshes what no event tells, and again after a while.
struct refresh_job final : pg_job {
  explicit refresh_job(std::function<void()> x) : done(std::move(x)) {
    // nop
  }
  pg_result<void> run(pg::connection& db) override { return refresh_statistics(db); }
  void answer(ec) override { done(); } // Whatever came of it: the next one counts anew.
  std::function<void()> done;
};

std::vector<domain_event> events_of(const outbox_rows& rows) {
  std::vector<domain_event> out;
  out.reserve(rows.size());
  for (auto& x : rows) out.push_back({to_string(x.id), x.type, x.made_at, x.body});
  return out;
}

projections_self::behavior_type projections(projections_ptr self, const projections_config& config,
                                            projection_counts* counts) {
  auto& pool = self->state.pool;
  self->state.config = config;
  auto statements = statistics_statements();
  pool.start(self, std::make_shared<pg_pool_config>(
                     pg_pool_config{config.conninfo, 1, waiting_max, statistics_session,
                                    std::move(statements), config.log, nullptr}));
  self->send(self, atom::tick_v);
  return {
    [&pool, counts](const hand_over& x) {
      return pg_answer<handed_over>(
        pool, [x, counts](pg::connection& db) -> pg_result<handed_over> {
          return handed_over{apply_each(db, events_of(*x.rows), *counts)};
        });
    },
    [self](atom::tick) {
      self->state.pool.submit(std::make_shared<refresh_job>(
        [self] { self->delayed_send(self, self->state.config.refresh_interval, atom::tick_v); }));
    },
  };
}

} // namespace

projection_counts::of_type& projection_counts::of(const std::string& type) {
  if (auto i = types_.find(type); i != types_.end()) return i->second;
  return types_[types_.size() < types_max ? type : "other"];
}

void projection_counts::add(const applied_events& x) {
  std::unique_lock guard{mutex_};
  for (auto& y : x.types) {
    auto& to = of(y.type);
    to.applied += static_cast<uint64_t>(y.applied);
    to.duplicate += static_cast<uint64_t>(y.duplicate);
  }
}

void projection_counts::add_failed(const std::string& type) {
  std::unique_lock guard{mutex_};
  ++of(type).failed;
}

std::map<std::string, projection_counts::of_type> projection_counts::read() const {
  std::unique_lock guard{mutex_};
  return types_;
}

std::vector<row_outcome> apply_each(pg::connection& db, const std::vector<domain_event>& events,
                                    projection_counts& counts) {
  std::vector<row_outcome> out(events.size());
  struct range {
    size_t from, to;
  };
  std::vector<range> left; // A stack: what comes first is on top.
  for (auto to = events.size(); to > 0;) {
    auto from = (to - 1) / portion_max * portion_max;
    left.push_back({from, to});
    to = from;
  }
  using step = std::vector<domain_event>::difference_type;
  while (!left.empty()) {
    auto [from, to] = left.back();
    left.pop_back();
    auto begin = events.begin() + static_cast<step>(from);
    auto done = apply_statistics(db, {begin, begin + static_cast<step>(to - from)});
    if (done) {
      counts.add(*done);
      for (auto i = from; i < to; ++i) out[i].is = row_fate::delivered;
    } else if (done.error().error != ec::bad_request) {
      return out; // The rest stays unknown.
    } else if (to - from == 1) {
      out[from] = {row_fate::refused, done.error().text};
      counts.add_failed(events[from].type);
    } else {
      auto middle = from + (to - from) / 2;
      left.push_back({middle, to});
      left.push_back({from, middle});
    }
  }
  return out;
}

event_sink_actor spawn_projections(caf::actor_system& system, const projections_config& config,
                                   projection_counts& counts) {
  return caf::actor_cast<event_sink_actor>(system.spawn(projections, config, &counts));
}

} // namespace tk
