#include "supervisors/node.hpp"

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/port.hpp"
#include "actors/gate/port.hpp"
#include "actors/registry.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/gift_plan.hpp"
#include "supervisors/link.hpp"
#include "supervisors/peers.hpp"
#include "supervisors/region.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk {

namespace {

constexpr millis beat_budget{6000};
constexpr millis reads_budget{3000};
constexpr millis wake_budget{5000};
/// As long as others are missed before they count as dead (persistence/ledger/roster_pg.cpp).
constexpr millis missed_after{3000};
/// So often boards of earlier owners are looked for, and so many are asked for anew at once.
constexpr millis boards_every{5000};
constexpr size_t boards_at_once = 64;
/// A jump of the offset by more than this suspends the node for a beat (H-18).
constexpr int64_t offset_jump_max_ms = 250;

/// A shard of this node on its way to another.
struct move {
  enum class step : uint8_t { closing, giving, looking } at = step::closing;
  uint64_t no = 0; ///< What an earlier one asked is not answered to this one.
  uint16_t shard = 0;
  int64_t epoch = 0; ///< In which it was this node's.
  node_id to;
  std::function<void(bool)> ended;
};

struct supervisor_state {
  static inline const char* name = "tk.node";
  node_context* node = nullptr;
  node_supervision settings;
  instant last_beat, checkouts_woken, boards_looked;
  size_t boards_turn = 0; ///< Where the next look at old boards begins.
  instant judges_from; ///< Who is missed before it may have been kept from beating like this node.
  peer_slots slots{0};
  bool taking = false;                           ///< Free shards are being taken.
  std::set<std::pair<node_id, int64_t>> refused; ///< Lives, of those that have a slot.
  bool look_wanted = false;                      ///< Somebody waits for news of the roster.
  int64_t offset_ms = 0;
  bool measured = false;
  bool beating = false;
  bool suspended = false;
  bool reload_due = false; ///< An epoch moved since the entities were started.
  bool woken = false;      ///< What must not sleep was woken since the last start or thaw.
  std::optional<move> moving;
  uint64_t moves = 0; ///< Begun so far.
  gift_plan plan{millis{0}};
  bool draining = false;         ///< Told to the roster with every beat.
  wish_id evened;                ///< Told with the next ones: there was nothing left to even out.
  std::function<void()> drained; ///< Who waits for that; called once.
  bool beat_again = false;       ///< What the beat on its way says may be old.
  std::set<uint16_t>
    given_now; ///< Given since the beat on its way was sent: it says nothing of it.
};

using supervisor_ptr = caf::stateful_actor<supervisor_state>*;

void suspend(supervisor_ptr self) {
  auto& st = self->state;
  if (st.suspended) return;
  st.suspended = true;
  st.node->suspended = true;
  st.node->boards->set_stale(true);
  self->send(st.node->region, atom::suspend_v);
}

void thaw(supervisor_ptr self) {
  auto& st = self->state;
  auto reload = std::exchange(st.reload_due, false);
  if (mutant("thaws_blindly")) reload = false; // Memories of an epoch that has passed go on.
  if (!st.suspended && !reload) return;
  st.suspended = false;
  st.node->suspended = false;
  st.node->boards->set_stale(false);
  self->send(st.node->region, atom::thaw_v, reload);
  if (reload) st.woken = false;
}

/// Who keeps the connections hears who there is.
void take_peers(supervisor_ptr self, const membership& of) {
  auto& st = self->state;
  if (!st.settings.connections || !st.slots.update(of.peers)) return;
  std::vector<node_id> names;
  for (auto& x : st.slots.known()) names.push_back(x ? x->node : node_id{});
  st.node->names.set(std::move(names));
  self->send(st.settings.connections, nodes_known{st.slots.known()});
}

/// Takes over what the table says; true when an epoch is not the one we decided in.
bool take_epochs(supervisor_ptr self, const membership& of) {
  auto& epochs = self->state.node->epochs.epochs;
  auto& peers = self->state.node->peers;
  std::vector<int32_t> links;
  links.reserve(of.peers.size());
  for (auto& x : of.peers) links.push_back(self->state.slots.slot_of(x.node));
  bool moved = false;
  auto& skipped = self->state.given_now;
  auto told = [&](size_t i) { return !skipped.contains(static_cast<uint16_t>(i)); };
  for (size_t i = 0; i < epochs.size(); ++i) {
    if (!told(i)) continue;
    auto owner = of.owners[i];
    peers.owners[i] = owner < 0 ? membership::nobody : links.at(static_cast<size_t>(owner));
    peers.epochs[i] = of.peer_epochs[i];
  }
  for (size_t i = 0; i < epochs.size(); ++i)
    if (told(i)) moved = epochs[i].exchange(of.epochs[i]) != of.epochs[i] || moved;
  skipped.clear();
  return moved;
}

void wake(supervisor_ptr self, const std::vector<overdue>& rows) {
  std::map<std::pair<event_id, int32_t>, wake_block> blocks;
  for (auto& x : rows) {
    auto& one = blocks[{x.event, x.lead_block}];
    if (!x.id.nil()) one.overdue.push_back(x.id);
  }
  auto& node = *self->state.node;
  for (auto& [where, what] : blocks) {
    auto key = key_of(where.first, where.second);
    if (node.epochs.of(key).epoch == 0) continue; // Its owner wakes it.
    ask<seat_block_actor>(self, node, key, wake_budget, what)
      .then([](const block_awake&) {},
            [](const caf::error&) {
              // The sweep asks again while anything is overdue.
            });
  }
}

/// Wakes checkouts that have something to do: money is asked after although nobody asks for it.
void wake_checkouts(supervisor_ptr self) {
  self->state.checkouts_woken = self->state.node->clock->now();
  self->request(self->state.node->reads, reads_budget, find_open_checkouts{})
    .then(
      [=](const open_checkouts& x) {
        auto& node = *self->state.node;
        for (auto& key : x.rows) {
          if (node.epochs.of(key).epoch == 0) continue; // Its owner wakes it.
          ask<checkout_actor>(self, node, key, wake_budget, wake_checkout{})
            .then([](const checkout_awake&) {},
                  [](const caf::error&) {
                    // The next look finds it again.
                  });
        }
      },
      [](caf::error&) {
        // Nothing could be read: the next look is soon.
      });
}

/// Asks whoever must not sleep of the entities at `key`, a question that changes nothing.
template <class Port, class Reply, class Question>
void wake_ours(supervisor_ptr self, const std::vector<event_id>& events,
               entity_key (*key)(const event_id&), const Question& what) {
  auto& node = *self->state.node;
  for (auto& event : events) {
    if (node.epochs.of(key(event)).epoch == 0) continue; // Its owner wakes it.
    ask<Port>(self, node, key(event), wake_budget, what)
      .then([](const Reply&) {},
            [](const caf::error&) {
              // The next sweep finds it again.
            });
  }
}

/// Wakes rooms with people in them and gates that are open: people are let in and through as time
/// goes, whoever looks. `must` be done: when nothing can be read, the next heartbeat tries again.
void wake_queues(supervisor_ptr self, bool must) {
  if (mutant("leaves_rooms_asleep")) return; // Who is gone keeps place and slot.
  auto unread = [=](caf::error&) {
    if (must) self->state.woken = false;
  };
  self->request(self->state.node->reads, reads_budget, find_live_rooms{})
    .then(
      [=](const live_rooms& x) {
        wake_ours<waiting_room_actor, queue_report>(self, x.rows, &room_key,
                                                    steer_queue{queue_verb::report, 0, {}});
      },
      unread);
  self->request(self->state.node->reads, reads_budget, find_open_gates{})
    .then(
      [=](const open_gates& x) {
        wake_ours<gate_actor, gate_board>(self, x.rows, &gate_key, look_at_gate{});
      },
      unread);
}

void ask_for_board(supervisor_ptr self, const any_board& x) {
  ask<seat_block_actor>(self, *self->state.node, owner_of(x), wake_budget, wake_block{})
    .then([](const block_awake&) {},
          [](const caf::error&) {
            // It is looked for again.
          });
}

/// Blocks that another node had, and of which there is a board here: it may show claims that died
/// with that node.
void wake_boards_of_others(supervisor_ptr self) {
  auto& node = *self->state.node;
  auto outlived = [&](const any_board& x) {
    auto key = owner_of(x);
    return key.kind == entity_kind::seat_block && node.epochs.of(key).epoch > epoch_of(x);
  };
  for (auto& x : node.boards->all(outlived)) ask_for_board(self, x);
}

/// The new owner of a block may know of no board of it, and would never wake it: then every map
/// here would show for ever what its earlier owner told last.
void renew_old_boards(supervisor_ptr self) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  if (now - st.boards_looked < boards_every) return;
  if (mutant("keeps_old_boards")) return; // Planted: operators and buyers see what was, for ever.
  st.boards_looked = now;
  auto outlived = [&](const any_board& x) {
    auto key = owner_of(x);
    return key.kind == entity_kind::seat_block && st.node->participant_of(key).epoch > epoch_of(x);
  };
  auto old = st.node->boards->all(outlived);
  for (size_t i = 0; i < std::min(old.size(), boards_at_once); ++i)
    ask_for_board(self, old[st.boards_turn++ % old.size()]);
}

void wake_what_must_not_sleep(supervisor_ptr self) {
  auto& st = self->state;
  if (st.woken) return;
  st.woken = true;
  self->request(st.node->reads, reads_budget, find_live_blocks{})
    .then([=](const live_blocks& x) { wake(self, x.rows); },
          [=](caf::error&) { self->state.woken = false; });
  wake_checkouts(self);
  wake_queues(self, true);
  wake_boards_of_others(self);
}

/// Corrects the clock; true when it jumped by more than measuring errs.
bool note_offset(supervisor_ptr self, int64_t offset_ms) {
  auto& st = self->state;
  bool jumped = st.measured && std::abs(offset_ms - st.offset_ms) > offset_jump_max_ms;
  st.offset_ms = offset_ms;
  st.measured = true;
  st.settings.set_clock_offset(offset_ms);
  return jumped;
}

void beat(supervisor_ptr self);
void give_next(supervisor_ptr self, const membership& of);

/// Others' deaths leave shards behind: each of the living takes its share of them.
void take_what_is_free(supervisor_ptr self, const membership& of) {
  auto& st = self->state;
  auto most = st.settings.alone ? 0 : shards_to_take(of);
  if (most == 0 || st.taking || st.node->clock->now() < st.judges_from) return;
  st.taking = true;
  self->request(st.settings.taker, always_answered, take_free{most})
    .then(
      [=](const taken& x) {
        self->state.taking = false;
        if (x.count > 0) beat(self); // They are ours once we have read it.
      },
      [=](caf::error&) { self->state.taking = false; });
}

/// Nothing is known of the roster by what has just been heard or given up.
void beat_ended(supervisor_ptr self) {
  self->state.beating = false;
  if (std::exchange(self->state.beat_again, false)) beat(self);
}

/// Who waits for shards to be evened out hears at once that they are.
void note_evened(supervisor_ptr self, const membership& of) {
  if (mutant("never_evened")) return; // Planted: the wish never ends.
  auto& st = self->state;
  auto now = !of.even_wish.nil() && gift_plan::even(of) ? of.even_wish : wish_id{};
  if (!now.nil() && now != st.evened) st.beat_again = true;
  st.evened = now;
}

/// `sent`: when it was asked for. What was said in time can be read too late, when this process
/// stood still meanwhile: others count from when the database was asked.
void on_beaten(supervisor_ptr self, const beaten& x, instant sent) {
  auto& st = self->state;
  st.beating = false;
  if (x.displaced) return st.settings.fatal("another incarnation of this node lives");
  if (!x.ok) return;
  if (st.settings.alone && x.of.owned() < shard_count)
    return st.settings.fatal("another node has taken shards of this one");
  take_peers(self, x.of);
  st.node->draining = x.of.draining;
  note_evened(self, x.of);
  st.reload_due = take_epochs(self, x.of) || st.reload_due;
  st.node->living.set(x.of.life, x.of.lives);
  bool jumped = x.measured && note_offset(self, x.offset_ms);
  auto now = st.node->clock->now();
  if (now - std::exchange(st.last_beat, std::max(st.last_beat, sent)) >= st.settings.suspend_after)
    st.judges_from = now + missed_after;
  if (jumped) return suspend(self); // The next beat thaws it, if all is steady.
  if (now - sent >= st.settings.beat_interval) st.beat_again = true; // It is good for less time.
  if (now - sent >= st.settings.suspend_after) return suspend(self);
  thaw(self);
  wake_what_must_not_sleep(self);
  renew_old_boards(self);
  take_what_is_free(self, x.of);
  if (!st.beat_again) give_next(self, x.of); // Else what was read is old.
}

/// Nodes of whose processes nothing is left where they listened.
std::vector<node_id> unreached(supervisor_ptr self) {
  auto& st = self->state;
  auto& up = st.node->peers.up;
  std::vector<node_id> out;
  for (size_t i = 0; i < st.slots.known().size(); ++i)
    if (auto& x = st.slots.known()[i];
        x && !up.at(i) && st.refused.contains({x->node, x->incarnation}))
      out.push_back(x->node);
  return out;
}

void beat(supervisor_ptr self) {
  auto& st = self->state;
  if (std::exchange(st.beating, true)) return;
  const auto sent = st.node->clock->now();
  self->request(st.settings.roster, beat_budget, beat_once{st.draining, st.evened, unreached(self)})
    .then(
      [=](const beaten& x) {
        on_beaten(self, x, sent);
        beat_ended(self);
      },
      [=](caf::error&) { beat_ended(self); });
}

/// The roster has changed: what a beat on its way says may be older than that.
void beat_now(supervisor_ptr self) {
  if (self->state.beating) self->state.beat_again = true;
  else beat(self);
}

/// The database may know that it has ended, and is asked now: it need not wait until it is missed.
void on_nobody(supervisor_ptr self, const nobody_there& x) {
  auto& st = self->state;
  std::erase_if(st.refused, [&](auto& y) { return st.slots.slot_of(y.first) < 0; });
  if (st.slots.slot_of(x.node) < 0) return;
  st.refused.emplace(x.node, x.incarnation);
  beat_now(self);
}

/// Somebody waits for news of the roster: it is read between two heartbeats, but not all the time.
void look_soon(supervisor_ptr self) {
  auto& st = self->state;
  if (std::exchange(st.look_wanted, true)) return;
  self->delayed_send(self, st.settings.look_interval, atom::look_v, true);
}

// -- moves ----------------------------------------------------------------------------------------

/// Everybody who may ask for it hears that it has moved.
void tell_of_move(supervisor_ptr self, uint16_t shard, int64_t epoch) {
  auto& peers = self->state.node->peers;
  board_frame what{{entity_kind::session, 0, shard}, caf::make_message(shard_moved{shard, epoch})};
  for (size_t i = 0; i < peers.links.size(); ++i)
    if (peers.up.at(i)) self->send(peers.links[i], what);
}

/// What has waited goes on: here, or at the shard's new owner.
void end_move(supervisor_ptr self, bool moved) {
  auto& st = self->state;
  auto x = std::move(*st.moving);
  st.moving.reset();
  // Planted: what could not be given stays closed.
  if (moved || !mutant("never_opens_again")) self->send(st.node->region, open_shard{x.shard});
  if (!moved) { // Who has left for nothing may have been one that must not sleep.
    st.woken = false;
    if (!st.suspended) wake_what_must_not_sleep(self);
  }
  st.plan.ended(x.shard, moved, st.node->clock->now());
  if (x.ended) x.ended(moved);
}

/// The rows name another owner: this node decides nothing of it any more.
void shard_gone(supervisor_ptr self, const given& x) {
  auto& st = self->state;
  auto shard = st.moving->shard;
  if (st.beating) st.given_now.insert(shard);
  // Planted: until the next beat it decides what is another's.
  if (!mutant("keeps_what_it_gave")) st.node->epochs.epochs.at(shard) = 0;
  st.node->peers.owners.at(shard) = st.slots.slot_of(x.owner);
  st.node->peers.epochs.at(shard) = x.epoch;
  tell_of_move(self, shard, x.epoch);
  end_move(self, true);
  beat_now(self);
}

void look_whose(supervisor_ptr self);

void on_given(supervisor_ptr self, uint64_t no, const given& x) {
  auto& st = self->state;
  if (!st.moving || st.moving->no != no) return;
  switch (x.is) {
  case given::end::gone: return shard_gone(self, x);
  case given::end::kept: return end_move(self, false);
  case given::end::unknown: break;
  }
  bool first = std::exchange(st.moving->at, move::step::looking) == move::step::giving;
  if (first) look_whose(self); // After that once a beat.
}

void ask_taker(supervisor_ptr self, const give_shard& what) {
  auto no = self->state.moving->no;
  self->request(self->state.settings.taker, always_answered, what)
    .then([=](const given& x) { on_given(self, no, x); },
          [=](caf::error&) { on_given(self, no, given{}); });
}

void look_whose(supervisor_ptr self) {
  auto& x = *self->state.moving;
  ask_taker(self, give_shard{x.shard, x.epoch, {}});
}

void on_closed(supervisor_ptr self, bool ok) {
  auto& st = self->state;
  auto& x = *st.moving;
  if (!ok) return end_move(self, false);
  // Planted: who waits is served here once more, in an epoch that is just passing.
  if (mutant("opens_before_given")) self->send(st.node->region, open_shard{x.shard});
  x.at = move::step::giving;
  ask_taker(self, give_shard{x.shard, x.epoch, x.to});
}

/// False when it cannot even begin.
bool begin_move(supervisor_ptr self, const wanted_move& what, std::function<void(bool)> ended) {
  auto& st = self->state;
  auto known = what.shard < shard_count;
  auto epoch = known ? st.node->epochs.epochs.at(what.shard).load() : 0;
  if (!st.settings.taker || st.moving || st.suspended || epoch == 0 || what.to.nil()) return false;
  st.moving = move{move::step::closing, ++st.moves, what.shard, epoch, what.to, std::move(ended)};
  if (mutant("gives_what_is_open")) { // Planted: its entities go on, in an epoch that has passed.
    on_closed(self, true);
    return true;
  }
  self->request(st.node->region, always_answered, close_shard{what.shard})
    .then([=](const shard_closed& x) { on_closed(self, x.ok); },
          [=](caf::error&) { on_closed(self, false); });
  return true;
}

caf::result<shard_given> on_move(supervisor_ptr self, const move_shard& what) {
  auto reply = self->make_response_promise<shard_given>();
  auto ended = [reply](bool moved) mutable { reply.deliver(shard_given{moved}); };
  if (!begin_move(self, {what.shard, what.to}, ended)) ended(false);
  return reply;
}

/// Who has died just now lives on the roster for some seconds, but cannot be reached: what it were
/// given nobody would have.
membership within_reach(supervisor_ptr self, membership of) {
  auto& st = self->state;
  auto& up = st.node->peers.up;
  for (auto& x : of.peers) {
    auto slot = static_cast<size_t>(st.slots.slot_of(x.node)); // Nobody is none.
    x.lives = x.lives && slot < up.size() && up.at(slot);
  }
  return of;
}

/// Gives away what is to be given, one shard after the other: whenever the roster has been read.
void give_next(supervisor_ptr self, const membership& of) {
  auto& st = self->state;
  if (st.settings.alone || st.moving) return;
  auto reached = within_reach(self, of);
  if (auto what = st.plan.next(reached, st.node->clock->now())) begin_move(self, *what, {});
  else if (st.drained && of.draining && gift_plan::drained(of)) std::exchange(st.drained, {})();
}

void on_drain(supervisor_ptr self, const drain_node& x) {
  auto& st = self->state;
  if (st.settings.alone) return x.done();
  st.draining = true;
  st.drained = x.done;
  beat_now(self);
}

void on_tick(supervisor_ptr self) {
  auto& st = self->state;
  if (st.moving && st.moving->at == move::step::looking) look_whose(self);
  self->delayed_send(self, st.settings.beat_interval, atom::tick_v);
  auto now = st.node->clock->now();
  if (now - st.last_beat >= st.settings.suspend_after) suspend(self);
  if (!st.suspended && now - st.checkouts_woken >= st.settings.checkout_interval)
    wake_checkouts(self);
  beat(self);
}

void on_sweep(supervisor_ptr self) {
  auto& st = self->state;
  self->delayed_send(self, st.settings.sweep_interval, atom::sweep_v);
  if (st.suspended) return;
  self->request(st.node->reads, reads_budget, find_overdue{})
    .then(
      [=](const overdue_rows& x) {
        self->state.node->probe.reservations_overdue = static_cast<int64_t>(x.rows.size());
        wake(self, x.rows);
      },
      [](caf::error&) {
        // Nothing could be read: the next sweep looks again.
      });
  wake_queues(self, false);
}

caf::behavior supervisor(supervisor_ptr self, node_context* node, node_supervision settings) {
  auto& st = self->state;
  st.node = node;
  st.settings = std::move(settings);
  st.last_beat = st.checkouts_woken = st.boards_looked = node->clock->now();
  self->monitor(node->ledger);
  self->monitor(node->region);
  for (auto& x : st.settings.parts) self->monitor(x);
  self->set_down_handler(
    [=](caf::down_msg&) { self->state.settings.fatal("a part of this node has died"); });
  self->send(self, atom::tick_v);
  self->delayed_send(self, st.settings.sweep_interval, atom::sweep_v);
  st.slots = peer_slots{node->peers.links.size()};
  st.plan = gift_plan{st.settings.rebalance_after};
  if (node->router) self->send(node->router, caf::actor_cast<caf::actor>(self));
  return {
    [=](atom::tick) { on_tick(self); },
    [=](atom::look) { look_soon(self); },
    [=](atom::look, bool) {
      self->state.look_wanted = false;
      beat_now(self);
    },
    [=](const nobody_there& x) { on_nobody(self, x); },
    [=](const move_shard& x) { return on_move(self, x); },
    [=](const drain_node& x) { on_drain(self, x); },
    [=](atom::sweep) { on_sweep(self); },
  };
}

} // namespace

bool suspended(const node_context& node) { return node.suspended.load(); }

caf::actor spawn_node_supervisor(node_context& node, node_supervision settings) {
  return node.system->spawn(supervisor, &node, std::move(settings));
}

} // namespace tk
