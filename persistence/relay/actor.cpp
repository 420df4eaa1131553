#include "persistence/relay/actor.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 16;
/// Longer than a sink may take; it answers by itself when its own time is up.
constexpr auto sink_limit = std::chrono::seconds(90);
constexpr millis soon{1000};

/// A job of the relay itself: what it brought is told to a function, on the relay's thread.
template <class T, class Work, class Done> struct own_job final : pg_job {
  own_job(Work x, Done y) : work(std::move(x)), done(std::move(y)) {
    // nop
  }
  pg_result<void> run(pg::connection& db) override {
    auto x = work(db);
    if (!x) return tl::unexpected(std::move(x.error()));
    made = std::move(*x);
    return {};
  }
  void answer(ec error) override { done(error, std::move(made)); }
  Work work;
  Done done;
  T made;
};

template <class T, class Work, class Done> pg_job_ptr make_job(Work work, Done done) {
  return std::make_shared<own_job<T, Work, Done>>(std::move(work), std::move(done));
}

struct relay_state {
  static inline const char* name = "tiketi.relay";
  explicit relay_state(relay_settings settings) : core(settings) {
    // nop
  }
  relay_config config;
  event_sink_actor sink;
  const wall_clock* clock = nullptr;
  relay_probe* probe = nullptr;
  relay_core core;
  pg_pool<caf::event_based_actor> pool;
};

class relay_actor : public caf::event_based_actor {
public:
  relay_actor(caf::actor_config& cfg, relay_config config, event_sink_actor sink,
              const wall_clock* clock, relay_probe* probe)
      : caf::event_based_actor(cfg), st_(config.settings) {
    st_.config = std::move(config);
    st_.sink = std::move(sink);
    st_.clock = clock;
    st_.probe = probe;
  }

  [[nodiscard]] const char* name() const override { return relay_state::name; }

  caf::behavior make_behavior() override {
    st_.pool.start(this, std::make_shared<pg_pool_config>(
                           pg_pool_config{st_.config.conninfo, 1, waiting_max, relay_session,
                                          relay_statements(), st_.config.log, nullptr}));
    send(this, atom::tick_v);
    delayed_send(this, std::min(soon, st_.config.clear_interval), atom::sweep_v);
    return {[this](atom::tick) { read(); }, [this](atom::sweep) { clear(); }};
  }

private:
  // -- a round: read, hand over, put on record ---------------------------------------------------

  void read() {
    auto owned = st_.config.owned();
    st_.probe->shards = static_cast<int64_t>(owned.size());
    auto what = st_.core.next(owned, st_.clock->now());
    if (!what) return again();
    ++st_.probe->reads;
    st_.pool.submit(make_job<outbox_rows>(
      [x = *what](pg::connection& db) { return read_outbox(db, x); },
      [this](ec error, outbox_rows rows) {
        if (error != ec::ok || !st_.core.took(std::make_shared<const outbox_rows>(std::move(rows))))
          return failed();
        pass_on();
      }));
  }

  void pass_on() {
    auto& rows = st_.core.under_way();
    st_.probe->rows += rows->size();
    if (rows->empty()) return done();
    request(st_.sink, sink_limit, hand_over{rows, false, {}})
      .then([this](const handed_over& x) { put_on_record(x.rows); },
            [this](caf::error&) {
              put_on_record(std::vector<row_outcome>(st_.core.under_way()->size()));
            });
  }

  void put_on_record(const std::vector<row_outcome>& outcomes) {
    count(outcomes);
    auto moves = st_.core.judge(outcomes, st_.clock->now());
    if (moves.moves.empty()) return done();
    if (moves.dead.empty() || !st_.config.tell_dead) return move(moves);
    auto dead = std::make_shared<outbox_rows>();
    hand_over wanted{dead, true, {}};
    for (auto& x : moves.dead) {
      dead->push_back(st_.core.under_way()->at(x.row));
      wanted.why.push_back(x.why);
    }
    // Whatever comes of it: the record is what counts.
    request(st_.sink, sink_limit, wanted)
      .then([this, moves](const handed_over&) { move(moves); },
            [this, moves](caf::error&) { move(moves); });
  }

  void move(const relay_moves& moves) {
    st_.pool.submit(make_job<cursors_moved>(
      [moves, rows = st_.core.under_way(), sink = st_.config.sink](pg::connection& db) {
        return move_cursors(db, moves, *rows, sink);
      },
      [this, moves](ec error, cursors_moved x) {
        if (error != ec::ok) return failed();
        note(x, moves);
        done();
      }));
  }

  void note(const cursors_moved& x, const relay_moves& moves) {
    auto& probe = *st_.probe;
    probe.moves += static_cast<uint64_t>(x.moved);
    probe.moves_refused += static_cast<uint64_t>(x.refused);
    probe.dead_letters += static_cast<uint64_t>(x.dead);
    probe.told_at_ms = to_ms(st_.clock->now());
    for (auto& y : moves.dead) {
      auto& row = st_.core.under_way()->at(y.row);
      log_line(log_level::error, "relay", "dead_letter")
        .text("topic", row.topic)
        .text("type", row.type)
        .text("id", to_string(row.id))
        .text("why", y.why);
    }
  }

  void count(const std::vector<row_outcome>& outcomes) {
    auto of = [&](row_fate x) {
      return static_cast<uint64_t>(std::ranges::count(outcomes, x, &row_outcome::is));
    };
    st_.probe->delivered += of(row_fate::delivered);
    st_.probe->refused += of(row_fate::refused);
    st_.probe->unknown += of(row_fate::unknown);
  }

  void failed() {
    st_.core.failed();
    ++st_.probe->failures;
    again();
  }

  void done() {
    st_.core.done();
    again();
  }

  void again() {
    st_.probe->shards_stuck = static_cast<int64_t>(st_.core.stuck());
    delayed_send(this, st_.core.pause(), atom::tick_v);
  }

  // -- what is over ------------------------------------------------------------------------------

  /// By one node, the owner of the first shard; two at once do no harm.
  void clear() {
    auto owned = st_.config.owned();
    if (owned.empty() || owned.front().shard != 0)
      return delayed_send(this, st_.config.clear_interval, atom::sweep_v);
    st_.pool.submit(make_job<cleared_away>(
      [keep = st_.config.keep](pg::connection& db) { return clear_away(db, keep); },
      [this](ec error, cleared_away x) {
        st_.probe->partitions_dropped += static_cast<uint64_t>(x.partitions);
        st_.probe->marks_cleared += static_cast<uint64_t>(x.marks);
        bool more = error == ec::ok && (x.partitions > 0 || x.marks >= st_.config.keep.marks_max);
        delayed_send(this,
                     more ? std::min(soon, st_.config.clear_interval) : st_.config.clear_interval,
                     atom::sweep_v);
      }));
  }

  relay_state st_;
};

} // namespace

caf::actor spawn_relay(caf::actor_system& system, relay_config config, event_sink_actor sink,
                       const wall_clock& clock, relay_probe& probe) {
  return system.spawn<relay_actor>(std::move(config), std::move(sink), &clock, &probe);
}

} // namespace tk
