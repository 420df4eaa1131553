#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisors/link.hpp"
#include "supervisors/node.hpp"
#include "supervisors/peers.hpp"
#include "supervisors/region.hpp"
#include "tests/support/node_rig.hpp"

/// For tests of the node's supervisor: whatever it talks to is played.
namespace tk::rig {
/// What the played roster, region and reads share with the test.
struct script {
  // Of the next heartbeats.
  bool roster_down = false;
  bool roster_silent = false;
  bool displaced = false;
  bool lost_shard = false;
  std::optional<uint16_t> elsewhere; ///< A shard that another node owns from the start.
  bool measured = true;
  int64_t offset_ms = 0;
  int64_t epoch = 1; ///< Of every shard.
  std::vector<caf::typed_response_promise<beaten>> silent;
  int beats = 0;
  // Of the reads.
  bool reads_down = false;
  std::vector<overdue> overdue_now, live_now;
  std::vector<event_id> gates_open, rooms_alive;
  int sweeps = 0, live_asked = 0, payments_asked = 0, gates_asked = 0, rooms_asked = 0;
  // Of a cluster.
  std::vector<roster_peer> peers;
  int free = 0;
  std::vector<int32_t> takes;
  std::vector<nodes_known> told;
  std::vector<give_shard> gives;
  std::vector<given> gives_end; ///< Of the next ones; empty: it is given.
  bool gives_as_told = false;   ///< What was given is the first peer's from then on.
  std::set<uint16_t> given_away;
  bool never_closes = false; ///< The region cannot close a shard.
  std::vector<wanted_move> wanted;
  wish_id even_wish;
  std::vector<wish_id> evened; ///< As the beats have told.
  std::vector<node_id> unreached; ///< As the last beat has told.
  bool draining = false;
  // Of the region.
  std::string story; ///< All it was told, in order.
  std::vector<wake_block> wakes;

  void tell(const std::string& what) {
    if (!story.empty()) story += ", ";
    story += what;
  }
  [[nodiscard]] beaten heartbeat() const {
    beaten out;
    out.displaced = displaced;
    if (roster_down || displaced) return out;
    out.ok = true;
    out.offset_ms = offset_ms;
    out.measured = measured;
    out.of.epochs.fill(epoch);
    if (lost_shard) out.of.epochs[7] = 0;
    if (elsewhere) out.of.epochs[*elsewhere] = 0;
    out.of.life = 5;
    out.of.lives = {3, 5};
    out.of.peers = peers;
    out.of.free = free;
    out.of.wanted = wanted;
    out.of.even_wish = even_wish;
    out.of.draining = draining;
    for (int i = 0; i < free; ++i) out.of.epochs.at(static_cast<size_t>(i)) = 0;
    for (auto shard : given_away) {
      out.of.epochs.at(shard) = 0;
      out.of.owners.at(shard) = 0;
      out.of.peer_epochs.at(shard) = epoch + 1;
    }
    if (!peers.empty() && lost_shard) {
      out.of.owners[7] = 0;
      out.of.peer_epochs[7] = 42;
    }
    return out;
  }
};

using played_roster = roster_driver_actor::extend<caf::reacts_to<atom::tick>>;

inline played_roster::behavior_type play_roster(played_roster::pointer self, script* st) {
  return {
    [=](beat_once x) -> caf::result<beaten> {
      ++st->beats;
      st->draining = st->draining || x.drain;
      if (!x.evened.nil()) st->evened.push_back(x.evened);
      st->unreached = x.unreached;
      if (!st->roster_silent) return st->heartbeat();
      auto rp = self->make_response_promise<beaten>();
      st->silent.push_back(rp);
      return rp;
    },
    [=](atom::tick) {
      for (auto& x : std::exchange(st->silent, {})) x.deliver(st->heartbeat());
    },
  };
}

inline shard_taker_actor::behavior_type play_taker(shard_taker_actor::pointer, script* st) {
  return {
    [=](const take_free& x) {
      st->takes.push_back(x.most);
      st->free -= x.most;
      return taken{true, x.most};
    },
    [=](const give_shard& x) {
      st->gives.push_back(x);
      if (st->gives_as_told) st->given_away.insert(x.shard);
      if (st->gives_end.empty()) return given{given::end::gone, x.to, x.epoch + 1};
      auto out = st->gives_end.front();
      st->gives_end.erase(st->gives_end.begin());
      return out;
    },
  };
}

inline caf::behavior play_connections(caf::event_based_actor*, script* st) {
  return {[=](const nodes_known& x) { st->told.push_back(x); }};
}

inline caf::behavior play_region(caf::event_based_actor*, script* st) {
  return {
    [=](envelope& x) -> caf::result<caf::message> {
      if (x.key.kind == entity_kind::gate) {
        st->tell("wake gate " + std::to_string(x.key.lo));
        return caf::make_message(gate_board{});
      }
      if (x.key.kind == entity_kind::waiting_room) {
        st->tell("wake room " + std::to_string(x.key.lo));
        return caf::make_message(queue_report{});
      }
      st->tell("wake " + std::to_string(x.key.block_no));
      st->wakes.push_back(x.body.get_as<wake_block>(0));
      return caf::make_message(block_awake{});
    },
    [=](const close_shard& x) {
      st->tell("close " + std::to_string(x.shard));
      return shard_closed{!st->never_closes};
    },
    [=](const open_shard& x) { st->tell("open " + std::to_string(x.shard)); },
    [](const board_frame&) {
      // As a link: news for another node.
    },
    [=](atom::suspend) { st->tell("suspend"); },
    [=](atom::thaw, bool reload) { st->tell(reload ? "thaw and reload" : "thaw"); },
  };
}

inline reads_actor::behavior_type play_sweeps(reads_actor::pointer, script* st) {
  return {
    [](const load_session&) { return session_rows{}; },
    [](const load_block&) { return block_rows{}; },
    [](const load_event&) { return event_row{}; },
    [](const load_reservation&) { return found_reservation{}; },
    [=](const find_overdue&) -> caf::result<overdue_rows> {
      ++st->sweeps;
      if (st->reads_down) return make_error(ec::unavailable);
      return overdue_rows{st->overdue_now};
    },
    [=](const find_live_blocks&) -> caf::result<live_blocks> {
      ++st->live_asked;
      if (st->reads_down) return make_error(ec::unavailable);
      return live_blocks{st->live_now};
    },
    [](const load_plan&) { return plan_rows{}; },
    [](const load_checkout&) { return checkout_rows{}; },
    [=](const find_open_checkouts&) {
      ++st->payments_asked;
      return open_checkouts{};
    },
    [](const load_room&) { return room_rows{}; },
    [](const load_gate&) { return gate_rows{}; },
    [=](const find_live_rooms&) -> caf::result<live_rooms> {
      ++st->rooms_asked;
      if (st->reads_down) return make_error(ec::unavailable);
      return live_rooms{st->rooms_alive};
    },
    [=](const find_open_gates&) -> caf::result<open_gates> {
      ++st->gates_asked;
      if (st->reads_down) return make_error(ec::unavailable);
      return open_gates{st->gates_open};
    },
    [](const load_inventory&) { return event_inventory{}; },
  };
}

constexpr millis sweep{30'000}; // As the contract has it (1.13).

inline overdue row(uint64_t reservation, int32_t block_no) {
  return {reservation == 0 ? reservation_id{} : reservation_id{0xb, reservation}, event_no(1),
          block_no};
}

/// A supervisor under CAF's deterministic scheduler; whatever it talks to is played.
struct supervisor_rig {
  rig_config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  script st;
  stage ledger_stage;
  manual_clock clock;
  board_store boards;
  node_context node;
  roster_driver_actor roster;
  caf::actor supervisor;
  std::vector<caf::actor> others;
  std::vector<int64_t> offsets;
  std::vector<std::string> fatal;

  supervisor_rig() {
    sched.clock().current_time += std::chrono::hours(1);
    node.system = &sys;
    node.clock = &clock;
    node.boards = &boards;
    node.ledger = sys.spawn(play_ledger, &ledger_stage);
    node.reads = sys.spawn(play_sweeps, &st);
    node.region = sys.spawn(play_region, &st);
    for (auto& x : node.epochs.epochs) x = 1;
    roster = sys.spawn(play_roster, &st);
  }

  ~supervisor_rig() {
    if (supervisor) stop(supervisor);
    for (auto& x : others) stop(x);
    stop(caf::actor_cast<caf::actor>(roster));
    stop(node.region);
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    st.silent.clear();
    run();
  }

  void start() {
    node_supervision settings;
    settings.roster = roster;
    settings.alone = !st.elsewhere;
    settings.set_clock_offset = [this](int64_t ms) { offsets.push_back(ms); };
    settings.fatal = [this](const char* why) { fatal.emplace_back(why); };
    supervisor = spawn_node_supervisor(node, std::move(settings));
    run();
  }
  /// With links for two other nodes.
  void start_beside_others() {
    node_supervision settings;
    settings.alone = false;
    settings.roster = roster;
    settings.taker = sys.spawn(play_taker, &st);
    settings.connections = sys.spawn(play_connections, &st);
    others = {caf::actor_cast<caf::actor>(settings.taker), settings.connections};
    settings.set_clock_offset = [](int64_t) {};
    settings.fatal = [this](const char* why) { fatal.emplace_back(why); };
    node.peers.links.resize(2, node.region); // Nobody asks them.
    supervisor = spawn_node_supervisor(node, std::move(settings));
    run();
  }
  void stop(const caf::actor& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }
  void run() {
    while (sched.try_run_once()) {
      // nop
    }
  }
  void pass(millis total) {
    constexpr millis step{10};
    for (millis done{0}; done < total; done += step) {
      clock.at += step;
      sched.advance_time(step);
      run();
    }
  }
  void outage(millis total) {
    st.roster_down = true;
    pass(total);
    st.roster_down = false;
  }
  void one_beat() { pass(millis{1000}); }
  void answer_silent() {
    caf::anon_send(caf::actor_cast<caf::actor>(roster), atom::tick_v);
    run();
  }
  [[nodiscard]] bool all_epochs_are(int64_t x) const {
    return std::ranges::all_of(node.epochs.epochs, [x](auto& e) { return e.load() == x; });
  }
};

} // namespace tk::rig
