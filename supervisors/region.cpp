#include "supervisors/region.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/actor.hpp"
#include "actors/checkout/core.hpp"
#include "actors/event/actor.hpp"
#include "actors/gate/actor.hpp"
#include "actors/seat_block/actor.hpp"
#include "actors/session/actor.hpp"
#include "actors/waiting_room/actor.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/region_state.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/traced.hpp"

namespace tk {

namespace {

using namespace of_region;

constexpr millis barrier_budget{10'000};
constexpr millis passivate_budget{5000};

using region_ptr = caf::stateful_actor<region_state>*;

void refuse(parked& x, ec why) {
  if (x.wants_reply) x.reply.deliver(make_error(why));
}

void pass_on(region_ptr self, const caf::actor& to, parked& x) {
  if (x.what.deadline < self->state.node->clock->now()) return refuse(x, ec::late);
  if (x.wants_reply) x.reply.delegate(to, traced(x.what));
  else self->send(to, traced(x.what));
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
  e.started_at = st.node->clock->now();
  st.to_revive.erase(key);
  st.keys[e.handle.id()] = key;
  st.count_awake(key, 1);
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
    load_checkout what{{key.hi, key.lo}, address, static_cast<payment_subject>(key.block_no)};
    return load<checkout_rows>(self, key, start_no, what, [=, &node](const auto& rows) {
      if (!rows.known) return not_started(self, key, start_no, unknown_subject(what.of));
      if (rows.fenced) return not_started(self, key, start_no, ec::unavailable);
      run(spawn_checkout(node, what.reservation, address, rows));
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
  if (auto c = st.closing_of(key)) c->staying.insert(key);
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

void open_again(region_ptr self, uint16_t shard);

/// What comes for a shard that is being closed, but would end what keeps it open: the end of a
/// claim, and what an entity of that very shard waits for.
bool goes_on(region_ptr self, const envelope& x, const entity* to) {
  auto& st = self->state;
  bool ends_a_claim =
    x.body.match_elements<settle_items>() || x.body.match_elements<abandon_claim>();
  if (ends_a_claim) return to != nullptr && to->is == entity::phase::running;
  auto& sender = self->current_sender();
  auto asker = sender ? st.keys.find(sender->id()) : st.keys.end();
  return asker != st.keys.end() && shard_of(asker->second) == shard_of(x.key);
}

/// Keeps what comes for a closed shard.
caf::result<caf::message> park_closed(region_ptr self, closing& c, envelope& x) {
  auto& st = self->state;
  auto shard = shard_of(x.key);
  if (std::cmp_greater_equal(c.waiting.size(), st.settings.closed_max)) {
    if (c.closed) return make_error(ec::busy);
    open_again(self, shard); // It must not cost anybody an answer.
    return self->delegate(caf::actor_cast<caf::actor>(self), std::move(x));
  }
  auto one = keep(self, x);
  // Planted: as a map of queues that is cleared with the entities.
  if (!mutant("drops_what_waited")) c.waiting.push_back(std::move(one));
  return caf::delegated<caf::message>{};
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
  st.count_asked(x.key);
  auto i = st.entities.find(x.key);
  if (auto c = st.closing_of(x.key);
      c != nullptr && !goes_on(self, x, i == st.entities.end() ? nullptr : &i->second))
    return park_closed(self, *c, x);
  if (i != st.entities.end() && i->second.is == entity::phase::running) {
    i->second.last_asked = now;
    return self->delegate(i->second.handle, traced(x));
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

/// Starts again what ended unexpectedly, or has left for a node that did not get it, although
/// nobody asks for it: until then its board shows claims and holds that may be over, and who looks
/// at it does not ask.
void revive(region_ptr self) {
  auto& st = self->state;
  if (st.suspended || mutant("leaves_boards_of_the_dead")) return;
  std::erase_if(st.to_revive, [&](auto& x) { return st.node->epochs.of(x).epoch == 0; });
  for (auto& key : st.to_revive) { // They stay until they run: rows may not be readable now.
    if (st.entities.contains(key) || quarantined(self, key) || st.closing_of(key)) continue;
    st.entities[key].last_asked = st.node->clock->now();
    start(self, key);
  }
}

// -- closing --------------------------------------------------------------------------------------

void ask_to_leave(region_ptr self, const entity_key& key, entity& e);

/// Ends a closing; what has waited is judged anew, by whose the shard is now.
std::vector<parked> end_closing(region_ptr self, uint16_t shard, bool ok) {
  auto& st = self->state;
  auto i = st.closings.find(shard);
  if (i == st.closings.end()) return {};
  auto c = std::move(i->second);
  st.closings.erase(i);
  if (!c.closed) c.told.deliver(shard_closed{ok});
  return std::move(c.waiting);
}

/// As `on_envelope`, of something that has its promise already.
void admit(region_ptr self, parked& x) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  auto key = x.what.key;
  if (st.suspended) return refuse(x, ec::unavailable);
  if (x.what.deadline < now) return refuse(x, ec::late);
  if (st.node->epochs.of(key).epoch == 0) return ask_elsewhere(self, x);
  auto i = st.entities.find(key);
  if (i != st.entities.end() && i->second.is == entity::phase::running) {
    i->second.last_asked = now;
    return pass_on(self, i->second.handle, x);
  }
  if (st.parked_count >= st.settings.buffered_max) return refuse(x, ec::busy);
  if (i == st.entities.end() && quarantined(self, key)) return refuse(x, ec::internal);
  bool fresh = i == st.entities.end();
  auto& e = st.entities[key];
  if (fresh) e.last_asked = now;
  ++st.parked_count;
  e.waiting.push_back(std::move(x));
  if (fresh) start(self, key);
}

void open_again(region_ptr self, uint16_t shard) {
  for (auto& x : end_closing(self, shard, false)) admit(self, x);
  revive(self);
}

/// Messages that waited for an entity which has left: those of nobody who waits for an answer, so
/// that no entity is started for them.
void wait_elsewhere(region_ptr self, closing& c, std::vector<parked>& from) {
  auto& st = self->state;
  auto first = std::ranges::stable_partition(from, [](auto& x) { return x.wants_reply; });
  st.parked_count -= static_cast<int32_t>(first.size());
  std::ranges::move(first, std::back_inserter(c.waiting));
  from.erase(first.begin(), first.end());
}

void closed(region_ptr self, uint16_t shard, uint64_t no) {
  auto i = self->state.closings.find(shard);
  if (i == self->state.closings.end() || i->second.no != no || i->second.closed) return;
  auto& c = i->second;
  c.at_barrier = false;
  if (!c.staying.empty()) return; // Somebody was started after all.
  c.closed = true;
  c.told.deliver(shard_closed{true});
}

/// When everybody has left, the shard is closed behind the ops that are on their way (H-13).
void look_at_closing(region_ptr self, uint16_t shard) {
  auto& st = self->state;
  auto i = st.closings.find(shard);
  if (i == st.closings.end() || i->second.closed || i->second.at_barrier) return;
  auto& c = i->second;
  std::erase_if(c.staying, [&](auto& key) { return !st.entities.contains(key); });
  if (!c.staying.empty()) return;
  c.at_barrier = true;
  auto no = c.no;
  self->request(st.node->ledger, barrier_budget, barrier{shard})
    .then([=](barrier_passed) { closed(self, shard, no); },
          [=](caf::error&) {
            auto again = self->state.closings.find(shard);
            if (again != self->state.closings.end() && again->second.no == no)
              again->second.at_barrier = false; // Until its time is up.
          });
}

void on_closing_tick(region_ptr self, uint16_t shard, uint64_t no) {
  auto& st = self->state;
  auto i = st.closings.find(shard);
  if (i == st.closings.end() || i->second.no != no || i->second.closed) return;
  if (st.node->clock->now() >= i->second.until || st.suspended) return open_again(self, shard);
  auto asked = i->second.staying; // Some leave at once.
  for (auto& key : asked) {
    auto e = st.entities.find(key);
    if (e != st.entities.end() && e->second.is == entity::phase::running)
      ask_to_leave(self, key, e->second);
  }
  look_at_closing(self, shard);
  self->delayed_send(self, st.settings.close_interval, atom::tick_v, shard, no);
}

caf::result<shard_closed> on_close(region_ptr self, uint16_t shard) {
  auto& st = self->state;
  bool ours = shard < shard_count && st.node->epochs.epochs.at(shard).load() != 0;
  if (!ours || st.suspended || st.closings.contains(shard)) return shard_closed{false};
  auto& c = st.closings[shard];
  c.told = self->make_response_promise<shard_closed>();
  c.no = ++st.closings_begun;
  c.until = st.node->clock->now() + st.settings.close_limit;
  for (auto& [key, e] : st.entities)
    if (shard_of(key) == shard) c.staying.insert(key);
  auto out = c.told;
  on_closing_tick(self, shard, c.no);
  return out;
}

// -- ends -----------------------------------------------------------------------------------------

void on_down(region_ptr self, const caf::down_msg& x) {
  auto& st = self->state;
  auto k = st.keys.find(x.source.id());
  if (k == st.keys.end()) return;
  auto key = k->second;
  st.keys.erase(k);
  st.count_awake(key, -1);
  auto i = st.entities.find(key);
  if (i == st.entities.end() || i->second.handle.id() != x.source.id()) return;
  bool failed = x.reason && x.reason != caf::exit_reason::user_shutdown;
  if (failed) note_failure(self, key);
  auto waiting = std::move(i->second.waiting); // Still counted as parked.
  st.entities.erase(i);
  auto c = st.closing_of(key);
  // Who leaves for another node may have had claims: should it stay after all, it looks after them.
  if ((failed || c != nullptr) && has_board(key.kind)) st.to_revive.insert(key);
  if (c != nullptr) {
    wait_elsewhere(self, *c, waiting);
    c->staying.erase(key);
    look_at_closing(self, shard_of(key));
  }
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

/// `how`: passivate or leave.
template <class How> void put_to_sleep(region_ptr self, const entity_key& key, entity& e, How how) {
  e.is = entity::phase::stopping; // From here on its messages wait for the answer.
  self->request(e.handle, passivate_budget, how)
    .then(
      [=](const passivation& x) {
        if (!x.stopped) return stays(self, key);
        self->state.node->probe.passivations++; // DOWN follows and restarts it when asked for.
      },
      [=](caf::error&) { stays(self, key); });
}

void ask_to_leave(region_ptr self, const entity_key& key, entity& e) {
  put_to_sleep(self, key, e, leave{});
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
  for (auto& key : idle) put_to_sleep(self, key, st.entities.at(key), passivate{});
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
      st.count_awake(key, -1);
      self->send_exit(e.handle, caf::exit_reason::user_shutdown);
    }
    st.entities.erase(key);
  }
}

void drop_all(region_ptr self, ec why) {
  drop_where(
    self, [](auto&, auto&) { return true; }, [=](parked& x) { refuse(x, why); });
}

/// Nobody knows for how long: what waits for a shard on its way hears so, too.
void suspend(region_ptr self) {
  auto& st = self->state;
  st.suspended = true;
  for (auto& [shard, c] : st.closings)
    for (auto& x : std::exchange(c.waiting, {})) refuse(x, ec::unavailable);
}

void thaw(region_ptr self, bool reload) {
  self->state.suspended = false;
  auto moved = [self](const entity_key& key, const entity& e) {
    return e.epoch != self->state.node->epochs.of(key).epoch;
  };
  if (reload) drop_where(self, moved, [=](parked& x) { ask_elsewhere(self, x); });
}

/// Nothing of it counts as asking the entity: whoever looks keeps nobody awake.
caf::result<mailbox_look> on_look_into(region_ptr self, const entity_key& key) {
  auto& st = self->state;
  auto i = st.entities.find(key);
  if (i == st.entities.end() || !i->second.handle) return mailbox_look{};
  auto no = ++st.looks_begun;
  auto& reply = st.looks[no] = promise_reply<mailbox_look>(self);
  self->send<caf::message_priority::high>(i->second.handle, count_mailbox{no});
  self->delayed_send(self, mailbox_patience, mailbox_late{no});
  return reply->rp;
}

/// The first of the entity's answer and the end of patience.
void end_look(region_ptr self, uint64_t no, const mailbox_look& what) {
  auto& looks = self->state.looks;
  auto i = looks.find(no);
  if (i == looks.end()) return;
  i->second->deliver(what);
  looks.erase(i);
}

caf::behavior region(region_ptr self, node_context* node, region_settings settings,
                     shard_table* shards) {
  self->state.node = node;
  self->state.shards = shards;
  self->state.settings = settings;
  self->set_down_handler([=](caf::down_msg& x) { on_down(self, x); });
  self->set_exit_handler([=](caf::exit_msg& x) { // Entities end with their region.
    drop_all(self, ec::unavailable);
    for (auto& [shard, c] : std::exchange(self->state.closings, {}))
      for (auto& one : c.waiting) refuse(one, ec::unavailable);
    self->quit(x.reason);
  });
  self->delayed_send(self, settings.passivation_interval, atom::tick_v);
  return {
    [=](envelope& x) { return on_envelope(self, x); },
    [=](atom::tick) { passivate_idle(self); },
    [=](const close_shard& x) { return on_close(self, x.shard); },
    [=](const open_shard& x) { open_again(self, x.shard); },
    [=](const look_at_entity& x) { return look_at(self->state, x.key); },
    [=](const look_into_mailbox& x) { return on_look_into(self, x.key); },
    [=](const mailbox_counted& x) {
      end_look(self, x.no, {mailbox_look::state::counted, x.messages});
    },
    [=](const mailbox_late& x) {
      end_look(self, x.no, {mailbox_look::state::silent, 0});
    },
    [=](atom::tick, uint16_t shard, uint64_t no) { on_closing_tick(self, shard, no); },
    [=](atom::suspend) { suspend(self); },
    [=](atom::thaw, bool reload) { thaw(self, reload); },
  };
}

} // namespace

caf::actor spawn_region(node_context& node, region_settings settings) {
  return node.system->spawn(region, &node, settings, static_cast<shard_table*>(nullptr));
}

caf::actor spawn_region(node_context& node, region_settings settings, shard_table& shards) {
  return node.system->spawn(region, &node, settings, &shards);
}

} // namespace tk
