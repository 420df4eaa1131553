#include "persistence/relay/actor.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/registry.hpp"
#include "logging/log.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

namespace {

/// Longer than a sink or the outbox may take; they answer by themselves when their time is up.
constexpr auto answer_limit = std::chrono::seconds(90);
constexpr millis soon{1000};

struct relay_state {
  static inline const char* name = "tiketi.relay";
  explicit relay_state(relay_settings settings) : core(settings) {
    // nop
  }
  relay_config config;
  outbox_actor outbox;
  event_sink_actor sink;
  const wall_clock* clock = nullptr;
  relay_probe* probe = nullptr;
  relay_core core;
};

class relay_actor : public caf::event_based_actor {
public:
  relay_actor(caf::actor_config& cfg, relay_config config, outbox_actor outbox,
              event_sink_actor sink, const wall_clock* clock, relay_probe* probe)
      : caf::event_based_actor(cfg), st_(config.settings) {
    st_.config = std::move(config);
    st_.outbox = std::move(outbox);
    st_.sink = std::move(sink);
    st_.clock = clock;
    st_.probe = probe;
  }

  [[nodiscard]] const char* name() const override { return relay_state::name; }

  caf::behavior make_behavior() override {
    attach_functor(
      [outbox = st_.outbox] { caf::anon_send_exit(outbox, caf::exit_reason::user_shutdown); });
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
    request(st_.outbox, answer_limit, fetch_outbox{std::move(*what)})
      .then(
        [this](const outbox_fetched& x) {
          if (st_.core.took(x.rows)) pass_on();
          else failed();
        },
        [this](caf::error&) { failed(); });
  }

  void pass_on() {
    auto& rows = st_.core.under_way();
    st_.probe->rows += rows->size();
    if (rows->empty()) return done();
    request(st_.sink, answer_limit, hand_over{rows, false, {}})
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
    request(st_.sink, answer_limit, wanted)
      .then([this, moves](const handed_over&) { move(moves); },
            [this, moves](caf::error&) { move(moves); });
  }

  void move(const relay_moves& moves) {
    request(st_.outbox, answer_limit, put_cursors{moves, st_.core.under_way(), st_.config.sink})
      .then(
        [this, moves](const cursors_moved& x) {
          note(x, moves);
          done();
        },
        [this](caf::error&) { failed(); });
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
    request(st_.outbox, answer_limit, clear_outbox{st_.config.keep})
      .then(
        [this](const cleared_away& x) {
          st_.probe->partitions_dropped += static_cast<uint64_t>(x.partitions);
          st_.probe->marks_cleared += static_cast<uint64_t>(x.marks);
          bool more = x.partitions > 0 || x.marks >= st_.config.keep.marks_max;
          delayed_send(this,
                       more ? std::min(soon, st_.config.clear_interval) : st_.config.clear_interval,
                       atom::sweep_v);
        },
        [this](caf::error&) { delayed_send(this, st_.config.clear_interval, atom::sweep_v); });
  }

  relay_state st_;
};

} // namespace

std::vector<owned_shard> relayed_shards(const node_context& node) {
  std::vector<owned_shard> out;
  if (node.suspended.load(std::memory_order_relaxed)) return out;
  for (uint16_t i = 0; i < shard_count; ++i)
    if (auto epoch = node.epochs.epochs.at(i).load(std::memory_order_relaxed); epoch != 0)
      out.push_back({i, epoch});
  return out;
}

caf::actor spawn_relay(caf::actor_system& system, relay_config config, outbox_actor outbox,
                       event_sink_actor sink, const wall_clock& clock, relay_probe& probe) {
  return system.spawn<relay_actor>(std::move(config), std::move(outbox), std::move(sink), &clock,
                                   &probe);
}

} // namespace tk
