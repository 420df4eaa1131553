#include "persistence/projections/actor.hpp"

#include <utility>

#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "persistence/relay/rows.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 16;
/// Counted in one transaction: short enough to hold nobody up (H-16).
constexpr size_t portion_max = 1000;
constexpr size_t types_max = 64;

using projections_self = event_sink_actor::extend<caf::reacts_to<atom::tick>>;

struct projections_state {
  static inline const char* name = "tiketi.projection";
  pg_pool<projections_self::base> pool;
  projection what;
  projections_config config;
};
using projections_ptr = projections_self::stateful_pointer<projections_state>;

/// Refreshes what no event tells, and again after a while.
struct refresh_job final : pg_job {
  refresh_job(pg_result<void> (*x)(pg::connection&), std::function<void()> y)
      : work(x), done(std::move(y)) {
    // nop
  }
  pg_result<void> run(pg::connection& db) override { return work(db); }
  void answer(ec) override { done(); } // Whatever came of it: the next one counts anew.
  pg_result<void> (*work)(pg::connection& db);
  std::function<void()> done;
};

std::vector<domain_event> events_of(const outbox_rows& rows) {
  std::vector<domain_event> out;
  out.reserve(rows.size());
  for (auto& x : rows) out.push_back({to_string(x.id), x.type, x.made_at, x.body});
  return out;
}

/// What a job needs.
struct taking {
  projection what;
  int32_t tries = 0;
};

pg_result<handed_over> take(pg::connection& db, const taking& by, const hand_over& x,
                            projection_counts& counts) {
  if (!x.dead) return handed_over{apply_each(db, by.what, events_of(*x.rows), counts)};
  auto kept = keep_dead_letters(db, by.what.group, *x.rows, x.why, by.tries);
  if (!kept) return tl::unexpected(kept.error());
  return handed_over{std::vector<row_outcome>(x.rows->size(), {row_fate::delivered, ""})};
}

projections_self::behavior_type projections(projections_ptr self, projection what,
                                            const projections_config& config,
                                            projection_counts* counts) {
  auto& st = self->state;
  st.config = config;
  st.what = std::move(what);
  auto statements = st.what.statements;
  statements.push_back(dead_letters_statement());
  st.pool.start(self, std::make_shared<pg_pool_config>(
                        pg_pool_config{config.conninfo, 1, waiting_max, st.what.session,
                                       std::move(statements), config.log, nullptr}));
  if (st.what.refresh) self->send(self, atom::tick_v);
  return {
    [&st, counts](const hand_over& x) {
      // The state outlives the worker's jobs no more than its actor does: they take what they need.
      auto kept = std::make_shared<const taking>(taking{st.what, st.config.tries});
      return pg_answer<handed_over>(
        st.pool, [x, counts, kept](pg::connection& db) { return take(db, *kept, x, *counts); });
    },
    [self](atom::tick) {
      auto& my = self->state;
      my.pool.submit(std::make_shared<refresh_job>(my.what.refresh, [self] {
        self->delayed_send(self, self->state.config.refresh_interval, atom::tick_v);
      }));
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
    to.amiss += static_cast<uint64_t>(y.amiss);
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

namespace {

/// What tells no type is of a release that this one does not know, or nothing at all.
pg_result<applied_events> take_readable(pg::connection& db, const projection& by,
                                        const std::vector<domain_event>& events) {
  for (auto& x : events)
    if (x.type.empty())
      return tl::unexpected(pg_failure{ec::bad_request, "no domain event that is known here"});
  return by.apply(db, events);
}

} // namespace

std::vector<row_outcome> apply_each(pg::connection& db, const projection& to_take,
                                    const std::vector<domain_event>& events,
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
    auto done = take_readable(db, to_take, {begin, begin + static_cast<step>(to - from)});
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

event_sink_actor spawn_projection(caf::actor_system& system, projection what,
                                  const projections_config& config, projection_counts& counts) {
  return caf::actor_cast<event_sink_actor>(
    system.spawn(projections, std::move(what), config, &counts));
}

} // namespace tk
