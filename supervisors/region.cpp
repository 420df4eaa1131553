#include "supervisors/region.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/actor.hpp"
#include "actors/event/actor.hpp"
#include "actors/gate/actor.hpp"
#include "actors/seat_block/actor.hpp"
#include "actors/session/actor.hpp"
#include "actors/waiting_room/actor.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

constexpr millis barrier_budget{10'000};
constexpr millis passivate_budget{5000};

/// A message that waits until its entity has started, or has stopped.
struct parked {
  caf::response_promise reply;
  bool wants_reply = false;
  envelope what;
};

struct entity {
  enum class phase : uint8_t { starting, running, stopping } is = phase::starting;
  caf::actor handle;
  std::vector<parked> waiting; // A deque would take half a kilobyte per sleeping entity.
  instant last_asked;
  uint64_t start_no = 0; ///< Of its start: rows that were asked for by an earlier one do not count.
  int64_t epoch = 0;     ///< In which it was started.
};

/// Unexpected ends of an entity, kept beyond its life.
struct failures {
  int32_t count = 0;
  instant window_end;
};

struct region_state {
  static inline const char* name = "tk.region";
  node_context* node = nullptr;
  region_settings settings;
  bool suspended = false;
  int32_t parked_count = 0;
  uint64_t starts = 0;
  std::unordered_map<entity_key, entity, entity_key_hash> entities;
  std::unordered_map<entity_key, failures, entity_key_hash> failed;
  std::unordered_map<caf::actor_id, entity_key> keys; ///< Of running handles, for DOWN.
  std::set<entity_key> to_revive; ///< Ended unexpectedly, and their boards would stay.
};

using region_ptr = caf::stateful_actor<region_state>*;

void refuse(parked& x, ec why) {
  if (x.wants_reply) x.reply.deliver(make_error(why));
}

void pass_on(region_ptr self, const caf::actor& to, parked& x) {
  if (x.what.deadline < self->state.node->clock->now()) return refuse(x, ec::late);
  if (x.wants_reply) x.reply.delegate(to, std::move(x.what.body));
  else self->send(to, std::move(x.what.body));
}

/// It is not ours any more, and nothing was begun. What came from another node goes back to it: two
/// nodes that each believe the other to be the owner must not play ball (H-13).
void ask_elsewhere(region_ptr self, parked& x) {
  auto& router = self->state.node->router;
  if (!router || x.what.far) return refuse(x, router ? ec::moved : ec::unavailable);
  ++x.what.tries;
  if (x.wants_reply) x.reply.delegate(router, std::move(x.what));
  else self->send(router, std::move(x.what));
}

std::vector<parked> take_waiting(region_ptr self, entity& e) {
  self->state.parked_count -= static_cast<int32_t>(e.waiting.size());
  return std::exchange(e.waiting, {});
}

// -- starting -----------------------------------------------------------------------------------

/// The entity that start number `start_no` was made for; null when a thaw dropped it meanwhile.
entity* starting(region_ptr self, const entity_key& key, uint64_t start_no) {
  auto i = self->state.entities.find(key);
  return i == self->state.entities.end() || i->second.start_no != start_no ? nullptr : &i->second;
}

void started(region_ptr self, const entity_key& key, uint64_t start_no, caf::actor handle) {
  auto& st = self->state;
  auto found = starting(self, key, start_no);
  if (!found) {
    self->send_exit(handle, caf::exit_reason::user_shutdown);
    return;
  }
  auto& e = *found;
  e.handle = std::move(handle);
  e.is = entity::phase::running;
  st.to_revive.erase(key);
  st.keys[e.handle.id()] = key;
  st.node->probe.activations++;
  self->monitor(e.handle);
  for (auto& x : take_waiting(self, e)) pass_on(self, e.handle, x);
}

void not_started(region_ptr self, const entity_key& key, uint64_t start_no, ec why) {
  auto found = starting(self, key, start_no);
  if (!found) return;
  for (auto& x : take_waiting(self, *found)) refuse(x, why);
  self->state.entities.erase(key);
  if (why != ec::unavailable && why != ec::internal) self->state.to_revive.erase(key); // No such.
}

template <class Rows, class Query, class Spawn>
void load(region_ptr self, const entity_key& key, uint64_t start_no, Query query, Spawn spawn) {
  self->request(self->state.node->reads, always_answered, std::move(query))
    .then([=](const Rows& rows) { spawn(rows); },
          [=](caf::error&) { not_started(self, key, start_no, ec::unavailable); });
}

void load_by_kind(region_ptr self, const entity_key& key, uint64_t start_no) {
  auto& node = *self->state.node;
  auto address = node.epochs.of(key);
  auto run = [=](auto handle) {
    started(self, key, start_no, caf::actor_cast<caf::actor>(handle));
  };
  switch (key.kind) {
  case entity_kind::session:
    return run(
      spawn_session(node, user_id{key.hi, key.lo}, address, self->state.failed.contains(key)));
  case entity_kind::seat_block: {
    event_id event{key.hi, key.lo};
    return load<block_rows>(self, key, start_no, load_block{event, key.block_no},
                            [=, &node](const auto& rows) {
                              if (!rows.known)
                                return not_started(self, key, start_no, ec::seat_unknown);
                              run(spawn_seat_block(node, event, key.block_no, address, rows));
                            });
  }
  case entity_kind::waiting_room: {
    event_id event{key.hi, key.lo};
    return load<room_rows>(self, key, start_no, load_room{event}, [=, &node](const auto& rows) {
      if (!rows.known) return not_started(self, key, start_no, ec::event_unknown);
      run(spawn_waiting_room(node, event, address, rows));
    });
  }
  case entity_kind::gate: {
    event_id event{key.hi, key.lo};
    return load<gate_rows>(self, key, start_no, load_gate{event}, [=, &node](const auto& rows) {
      if (!rows.known) return not_started(self, key, start_no, ec::event_unknown);
      run(spawn_gate(node, event, address, rows));
    });
  }
  case entity_kind::checkout: {
    reservation_id reservation{key.hi, key.lo};
    return load<checkout_rows>(self, key, start_no, load_checkout{reservation, address},
                               [=, &node](const auto& rows) {
                                 if (!rows.known)
                                   return not_started(self, key, start_no, ec::reservation_unknown);
                                 if (rows.fenced)
                                   return not_started(self, key, start_no, ec::unavailable);
                                 run(spawn_checkout(node, reservation, address, rows));
                               });
  }
  case entity_kind::event: {
    event_id event{key.hi, key.lo};
    return load<event_row>(self, key, start_no, load_event{event}, [=, &node](const auto& row) {
      if (!row.known) return not_started(self, key, start_no, ec::event_unknown);
      run(spawn_event(node, event, address, row));
    });
  }
  }
  not_started(self, key, start_no, ec::internal);
}

/// An entity that ended unexpectedly may have an op on the wire: it starts behind a barrier, so
/// that it reads what that op wrote (H-13). One that was put to sleep had nothing open.
void start(region_ptr self, const entity_key& key) {
  auto& st = self->state;
  auto start_no = ++st.starts;
  auto& e = st.entities.at(key);
  e.start_no = start_no;
  e.epoch = st.node->epochs.of(key).epoch;
  if (!st.failed.contains(key)) return load_by_kind(self, key, start_no);
  self->request(st.node->ledger, barrier_budget, barrier{shard_of(key)})
    .then(
      [=](barrier_passed) {
        if (starting(self, key, start_no)) load_by_kind(self, key, start_no);
      },
      [=](caf::error&) { not_started(self, key, start_no, ec::unavailable); });
}

bool quarantined(region_ptr self, const entity_key& key) {
  auto& st = self->state;
  auto i = st.failed.find(key);
  return i != st.failed.end() && i->second.count > st.settings.restarts_max &&
         st.node->clock->now() < i->second.window_end;
}

// -- clauses ------------------------------------------------------------------------------------

parked keep(region_ptr self, envelope& x) {
  parked out;
  out.wants_reply = self->current_message_id().is_request();
  if (out.wants_reply) out.reply = self->make_response_promise();
  out.what = std::move(x);
  return out;
}

/// Keeps the message until its entity has started or stopped.
void park(region_ptr self, entity& e, envelope& x) {
  auto& st = self->state;
  ++st.parked_count;
  e.waiting.push_back(keep(self, x));
}

caf::result<caf::message> on_envelope(region_ptr self, envelope& x) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  if (st.suspended) return make_error(ec::unavailable);
  if (x.deadline < now) return make_error(ec::late);
  if (st.node->epochs.of(x.key).epoch == 0) {
    auto one = keep(self, x);
    ask_elsewhere(self, one);
    return caf::delegated<caf::message>{};
  }
  auto i = st.entities.find(x.key);
  if (i != st.entities.end() && i->second.is == entity::phase::running) {
    i->second.last_asked = now;
    return self->delegate(i->second.handle, std::move(x.body));
  }
  if (st.parked_count >= st.settings.buffered_max) return make_error(ec::busy);
  if (i != st.entities.end()) {
    park(self, i->second, x);
    return caf::delegated<caf::message>{};
  }
  if (quarantined(self, x.key)) return make_error(ec::internal);
  auto& e = st.entities[x.key];
  e.last_asked = now;
  park(self, e, x);
  start(self, x.key);
  return caf::delegated<caf::message>{};
}

void note_failure(region_ptr self, const entity_key& key) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  auto& f = st.failed[key];
  if (now >= f.window_end) f = {0, now + st.settings.restart_window};
  ++f.count;
  st.node->probe.entity_restarts++;
}

/// Kinds that tell everybody how they stand, whether anybody asks or not.
bool has_board(entity_kind x) {
  return x == entity_kind::seat_block || x == entity_kind::waiting_room;
}

/// Starts again what ended unexpectedly, although nobody asks for it: until then its board shows
/// claims and holds that may be over, and who looks at it does not ask.
void revive(region_ptr self) {
  auto& st = self->state;
  if (st.suspended || mutant("leaves_boards_of_the_dead")) return;
  std::erase_if(st.to_revive, [&](auto& x) { return st.node->epochs.of(x).epoch == 0; });
  for (auto& key : st.to_revive) { // They stay until they run: rows may not be readable now.
    if (st.entities.contains(key) || quarantined(self, key)) continue;
    st.entities[key].last_asked = st.node->clock->now();
    start(self, key);
  }
}

void on_down(region_ptr self, const caf::down_msg& x) {
  auto& st = self->state;
  auto k = st.keys.find(x.source.id());
  if (k == st.keys.end()) return;
  auto key = k->second;
  st.keys.erase(k);
  auto i = st.entities.find(key);
  if (i == st.entities.end() || i->second.handle.id() != x.source.id()) return;
  bool failed = x.reason && x.reason != caf::exit_reason::user_shutdown;
  if (failed) note_failure(self, key);
  auto waiting = std::move(i->second.waiting); // Still counted as parked.
  st.entities.erase(i);
  if (failed && has_board(key.kind)) st.to_revive.insert(key);
  if (waiting.empty()) return revive(self);
  auto& again = st.entities[key];
  again.waiting = std::move(waiting);
  again.last_asked = st.node->clock->now();
  if (quarantined(self, key)) return not_started(self, key, again.start_no, ec::internal);
  start(self, key);
}

/// The entity had something open, or nobody knows: it goes on.
void stays(region_ptr self, const entity_key& key) {
  auto i = self->state.entities.find(key);
  if (i == self->state.entities.end() || i->second.is != entity::phase::stopping) return;
  i->second.is = entity::phase::running;
  i->second.last_asked = self->state.node->clock->now();
  for (auto& x : take_waiting(self, i->second)) pass_on(self, i->second.handle, x);
}

void put_to_sleep(region_ptr self, const entity_key& key, entity& e) {
  e.is = entity::phase::stopping; // From here on its messages wait for the answer.
  self->request(e.handle, passivate_budget, passivate{})
    .then(
      [=](const passivation& x) {
        if (!x.stopped) return stays(self, key);
        self->state.node->probe.passivations++; // DOWN follows and restarts it when asked for.
      },
      [=](caf::error&) { stays(self, key); });
}

/// Keys in order: what is sent must not depend on a hash table's order (R19).
template <class Predicate> std::vector<entity_key> keys_where(region_ptr self, Predicate wanted) {
  std::vector<entity_key> out;
  for (auto& [key, e] : self->state.entities)
    if (wanted(key, e)) out.push_back(key);
  std::ranges::sort(out);
  return out;
}

void passivate_idle(region_ptr self) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  auto idle = keys_where(self, [&](const entity_key& key, const entity& e) {
    auto patience = key.kind == entity_kind::session    ? st.settings.session_idle
                    : key.kind == entity_kind::checkout ? st.settings.checkout_idle
                                                        : st.settings.entity_idle;
    return e.is == entity::phase::running && now - e.last_asked >= patience;
  });
  for (auto& key : idle) put_to_sleep(self, key, st.entities.at(key));
  revive(self);
  std::erase_if(st.failed, [now](auto& x) { return x.second.window_end + millis{60'000} < now; });
  self->delayed_send(self, st.settings.passivation_interval, atom::tick_v);
}

/// Ends the entities that are `unwanted(key, entity)`; `left` gets each who waits for one.
template <class Predicate, class Left>
void drop_where(region_ptr self, Predicate unwanted, Left left) {
  auto& st = self->state;
  for (auto& key : keys_where(self, unwanted)) {
    auto& e = st.entities.at(key);
    for (auto& x : take_waiting(self, e)) left(x);
    if (e.handle) {
      st.keys.erase(e.handle.id());
      self->send_exit(e.handle, caf::exit_reason::user_shutdown);
    }
    st.entities.erase(key);
  }
}

void drop_all(region_ptr self, ec why) {
  drop_where(
    self, [](auto&, auto&) { return true; }, [=](parked& x) { refuse(x, why); });
}

void thaw(region_ptr self, bool reload) {
  self->state.suspended = false;
  auto moved = [self](const entity_key& key, const entity& e) {
    return e.epoch != self->state.node->epochs.of(key).epoch;
  };
  if (reload) drop_where(self, moved, [=](parked& x) { ask_elsewhere(self, x); });
}

caf::behavior region(region_ptr self, node_context* node, region_settings settings) {
  self->state.node = node;
  self->state.settings = settings;
  self->set_down_handler([=](caf::down_msg& x) { on_down(self, x); });
  self->set_exit_handler([=](caf::exit_msg& x) { // Entities end with their region.
    drop_all(self, ec::unavailable);
    self->quit(x.reason);
  });
  self->delayed_send(self, settings.passivation_interval, atom::tick_v);
  return {
    [=](envelope& x) { return on_envelope(self, x); },
    [=](atom::tick) { passivate_idle(self); },
    [=](atom::suspend) { self->state.suspended = true; },
    [=](atom::thaw, bool reload) { thaw(self, reload); },
  };
}

} // namespace

caf::actor spawn_region(node_context& node, region_settings settings) {
  return node.system->spawn(region, &node, settings);
}

} // namespace tk
